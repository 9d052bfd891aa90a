import { readFileSync } from "node:fs";
import type { APIRequestContext, Page } from "@playwright/test";
import { day, fill, go, intakes, name, send } from "./form";
import { token } from "./server";
import { accessible, expect, test } from "./test";

function answer(page: Page) {
  return page.getByRole("complementary", { name: "The answer so far" });
}

async function decide(
  request: APIRequestContext,
  page: Page,
  what: string,
  data?: object,
): Promise<void> {
  const id = new URL(page.url()).pathname.split("/")[2];
  const headers = { authorization: `Bearer ${token("onboarding:approve")}` };
  const decided = await request.post(`/onboarding/${id}/${what}`, {
    headers,
    ...(data ? { data } : {}),
  });
  expect(decided.status(), await decided.text()).toBe(200);
}

test("the answer follows what is typed and says which assumption moved it", async ({ page }) => {
  await page.goto("/start/work");
  await expect(answer(page)).toContainText("starter");
  await page.getByLabel("Agent runs a month").fill("60,000");
  await expect(answer(page).getByText("team", { exact: true })).toBeVisible();
  await expect(answer(page)).toContainText("With “Agent runs a month” now 60,000.");
  await answer(page).getByText("What would change it").click();
  await expect(answer(page)).toContainText(/Starter is cheaper below/);
  const left = answer(page).getByText(/^-?USD\s.* to -?USD/);
  const before = (await left.last().textContent()) ?? "";
  await go(page, "The saving", "What does it save?");
  await page.getByLabel("Salary a year").fill("90000");
  await expect(answer(page)).toContainText("With “Salary a year” now 90000.");
  await expect(answer(page).getByText(before)).toHaveCount(0);
  await page.getByLabel("Costs once").fill("12000");
  await expect(answer(page)).toContainText(/after .* months/);
});

test("the answer is what the server says", async ({ page, request }) => {
  await page.goto("/start/work");
  await page.getByLabel("Agent runs a month").fill("60000");
  await page.getByLabel("Minutes of speech a month").fill("20000");
  const asked = await request.post("/recommendation", {
    data: {
      usage: { agents: { base: "60000" } },
      currency: "USD",
      purpose: "production",
      voice_minutes: 20000,
    },
  });
  const advice = await asked.json();
  await expect(answer(page).getByText(advice.plan.key, { exact: true })).toBeVisible();
  await expect(answer(page)).toContainText("prod with gpu");
  await go(page, "Review", "Read it once more");
  const table = page.getByRole("table", { name: "The plans, with your use" });
  const costs = table.getByRole("row", { name: /Expected a month/ }).getByRole("cell");
  for (const { plan, expected } of advice.ranking) {
    const at = ["starter", "team", "scale"].indexOf(plan.key);
    const amount = Number(expected.amount).toLocaleString("en-US", { minimumFractionDigits: 2 });
    await expect(costs.nth(at)).toContainText(`USD ${amount}`);
  }
  const marked = table.getByRole("columnheader", { name: /fits best/ });
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText(advice.plan.key);
  for (const reason of [...advice.reasons, ...advice.would_change_if, ...advice.profile.reasons]) {
    const said = reason.charAt(0).toUpperCase() + reason.slice(1);
    await expect(page.getByRole("main").getByText(`${said}.`).first()).toBeVisible();
  }
});

test("who listens hears every part of the review by its name", async ({ page }) => {
  await fill(page, name());
  await expect(page.getByRole("table", { name: "The business case, by estimate" })).toBeVisible();
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - navigation "Groups of questions":
      - list:
        - listitem:
          - link "You"
        - listitem:
          - link "The work"
        - listitem:
          - link "The saving"
        - listitem:
          - link "Success"
        - listitem:
          - link "Beginning"
        - listitem:
          - link "Review"
    - heading "Read it once more" [level=1]
    - region "You Change You":
      - heading "You Change You" [level=2]:
        - link "Change You"
      - term: Name of the customer
      - definition: Acme Legal
    - region "The plans, with your use":
      - table "The plans, with your use":
        - rowgroup:
          - row:
            - columnheader /starter/
            - columnheader /team/
            - columnheader /scale/
    - region "Whether it pays":
      - figure:
        - img /Cautious. benefits USD.* Likely.*Hopeful/
      - table "The business case, by estimate":
        - rowgroup:
          - row "Cautious Likely Hopeful"
      - button "Save as CSV"
      - button "Copy a link to the assumptions"
      - textbox "The link, to copy by hand"
    - button "Send the request"
    - link "Back"
    - complementary "The answer so far":
      - term: Plan
      - list "Why"
  `);
});

test("a form is sent once, and followed until its tenant is made", async ({ page, request }) => {
  const tenant = name();
  await fill(page, tenant);
  await page.getByRole("button", { name: "Send the request" }).dblclick();
  await expect(page.getByRole("heading", { level: 1, name: "Your request" })).toBeVisible();
  await expect(page.getByText("Customer success reads it")).toBeVisible();
  expect(await intakes(request, tenant)).toHaveLength(1);
  await accessible(page);
  await page.reload();
  await expect(page.getByText("Customer success reads it")).toBeVisible();
  await decide(request, page, "approve");
  await expect(page.getByText("Tenant made")).toBeVisible({ timeout: 300_000 });
  await expect(page.getByText(`The tenant ${tenant} exists`)).toBeVisible();
  await accessible(page);
});

test.describe("an answer that got lost", () => {
  test.use({ expected: /Failed to load resource/ });

  test("does not make a second request", async ({ page, request }) => {
    test
      .info()
      .annotations.push({ type: "what", description: "the server kept it, the answer was cut" });
    const tenant = name();
    await fill(page, tenant);
    let cut = true;
    await page.route("**/onboarding", async (route) => {
      if (!cut) return route.continue();
      cut = false;
      await route.fetch();
      return route.abort();
    });
    await page.getByRole("button", { name: "Send the request" }).click();
    await expect(page.getByRole("alert")).toContainText(
      "It is not known whether the request arrived.",
    );
    expect(await intakes(request, tenant)).toHaveLength(1);
    await send(page);
    expect(await intakes(request, tenant)).toHaveLength(1);
  });
});

test("what customer success turned down, and what was taken back, is said", async ({
  page,
  request,
}) => {
  await fill(page, name());
  await send(page);
  await decide(request, page, "reject", { reason: "The reason is for others." });
  await expect(page.getByText("Turned down")).toBeVisible();
  await expect(page.getByText("Nothing was made of it.")).toBeVisible();
  await expect(page.getByText("The reason is for others.")).toHaveCount(0);
  await fill(page, name());
  await send(page);
  await page.getByRole("button", { name: "Take the request back" }).dblclick();
  await page.getByRole("button", { name: "Not yet" }).click();
  await page.getByRole("button", { name: "Take the request back" }).click();
  await page.getByRole("button", { name: "Yes, take it back" }).click();
  await expect(page.getByText("Withdrawn", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: /take it back/i })).toHaveCount(0);
});

test("what is missing is named, with the way to each field", async ({ page }) => {
  await page.goto("/start/review");
  await page.getByRole("button", { name: "Send the request" }).click();
  const summary = page.getByRole("alert");
  await expect(summary).toBeFocused();
  await expect(summary.getByRole("listitem")).toHaveCount(7);
  await accessible(page);
  await summary.getByRole("link", { name: "Mail address" }).click();
  const mail = page.getByLabel("Mail address");
  await expect(mail).toBeFocused();
  await expect(mail).toHaveAttribute("aria-invalid", "true");
  await expect(mail).toHaveAccessibleDescription(/Is missing/);
  await accessible(page);
});

test.describe("what the server refuses", () => {
  test.use({ expected: /Failed to load resource.*422/ });

  test("stands at its fields", async ({ page }) => {
    await fill(page, name());
    await go(page, "You", "Who is it for?");
    await page.getByLabel("Mail address").fill("nobody");
    await page.getByLabel("Name of the tenant").fill("No_label");
    await go(page, "Review", "Read it once more");
    await page.getByRole("button", { name: "Send the request" }).click();
    const summary = page.getByRole("alert");
    await expect(summary).toContainText("must be a mail address such as ops@acme.example");
    await expect(summary.getByRole("listitem")).toHaveCount(2);
    await summary.getByRole("link", { name: "Name of the tenant" }).click();
    await expect(page.getByLabel("Name of the tenant")).toHaveAccessibleDescription(
      /Must be 1 to 40 of a-z/,
    );
    await page.getByLabel("Name of the tenant").fill(name());
    await page.getByLabel("Mail address").fill("ada@acme.example");
    await expect(page.getByLabel("Mail address")).not.toHaveAttribute("aria-invalid");
    await go(page, "Review", "Read it once more");
    await send(page);
  });

  test("of assumptions is said as they are typed", async ({ page }) => {
    await page.goto("/start/savings");
    await page.getByLabel("Department 1: hours a week, cautious").fill("9");
    await page.getByLabel("Department 1: hours a week, likely").focus();
    const cautious = page.getByLabel("Department 1: hours a week, cautious");
    await expect(cautious).toHaveAccessibleDescription("Must not be above base");
    await page.getByLabel("On top of the salary").fill("300");
    await page.getByLabel("Salary a year").focus();
    await expect(page.getByLabel("On top of the salary")).toHaveAccessibleDescription(
      /Must be from 0 to 2/,
    );
    await page.getByLabel("Hours that one works a year").fill("many");
    await page.getByLabel("Salary a year").focus();
    await expect(page.getByLabel("Hours that one works a year")).toHaveAccessibleDescription(
      "Must be a whole number",
    );
    await accessible(page);
  });
});

test("the draft outlives a reload, and can be emptied", async ({ page }) => {
  await page.goto("/start");
  await page.getByLabel("Name of the customer").fill("Ærø Søfart & Söhne");
  await expect(page.getByLabel("Name of the tenant")).toHaveValue("r-s-fart-sohne");
  await page.getByLabel("Name of the tenant").fill("aeroe");
  await go(page, "The work", "What will it do, and how much?");
  await page.getByRole("button", { name: "Add a department" }).click();
  await page.getByLabel("Department 2", { exact: true }).fill("Sales");
  await page.reload();
  await expect(page.getByLabel("Department 2", { exact: true })).toHaveValue("Sales");
  await page.getByRole("button", { name: "Remove department 1" }).click();
  await expect(page.getByLabel("Department 1", { exact: true })).toHaveValue("Sales");
  await go(page, "You", "Who is it for?");
  await expect(page.getByLabel("Name of the tenant")).toHaveValue("aeroe");
  await page.getByRole("button", { name: "Empty the form" }).dblclick();
  await page.getByRole("button", { name: "Empty it, everything is lost" }).click();
  await expect(page.getByLabel("Name of the tenant")).toHaveValue("");
  await page.reload();
  await expect(page.getByLabel("Name of the customer")).toHaveValue("");
});

test("a link opens the assumptions again, and names nobody", async ({ page, browser }) => {
  await fill(page, name());
  await go(page, "The saving", "What does it save?");
  await page.getByLabel("Salary a year").fill("77,000");
  await go(page, "Review", "Read it once more");
  const address = await page.getByLabel("The link, to copy by hand").inputValue();
  const said = Buffer.from(new URL(address).hash.slice(3), "base64url").toString();
  for (const secret of ["Ada", "acme", "Acme", "Claims", "Sort", "flow-"])
    expect(said).not.toContain(secret);
  const other = await browser.newContext({ locale: "en-US" });
  const opened = await other.newPage();
  await opened.goto(address);
  await expect(opened.getByText("The assumptions of the link are in the form.")).toBeVisible();
  expect(new URL(opened.url()).hash).toBe("");
  await go(opened, "The saving", "What does it save?");
  await expect(opened.getByLabel("Salary a year")).toHaveValue("77,000");
  await go(opened, "You", "Who is it for?");
  await expect(opened.getByLabel("Name of the customer")).toHaveValue("");
  await opened.getByRole("button", { name: "Take them out again" }).click();
  await go(opened, "The saving", "What does it save?");
  await expect(opened.getByLabel("Salary a year")).toHaveValue("60,000");
  // The same where the form is open already, and nothing is loaded.
  await opened.evaluate((hash) => {
    window.location.hash = hash;
  }, new URL(address).hash);
  await expect(opened.getByText("The assumptions of the link are in the form.")).toBeVisible();
  await expect(opened.getByLabel("Salary a year")).toHaveValue("77,000");
  expect(new URL(opened.url()).hash).toBe("");
  await other.close();
});

test("the link is copied where the browser lets it, and else to be taken by hand", async ({
  page,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await fill(page, name());
  const field = page.getByLabel("The link, to copy by hand");
  await page.getByRole("button", { name: "Copy a link to the assumptions" }).click();
  await expect(page.getByText("Copied. It has your figures")).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await field.inputValue());
  // As where the page is not served safely.
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });
  await page.reload();
  await page.getByRole("button", { name: "Copy a link to the assumptions" }).click();
  await expect(page.getByText("take it from the field below")).toBeVisible();
});

test("what was missing of a form that is emptied is not said of the next", async ({ page }) => {
  await page.goto("/start/review");
  await page.getByRole("button", { name: "Send the request" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await go(page, "You", "Who is it for?");
  await page.getByLabel("Name of the customer").fill("Acme");
  for (let times = 0; times < 2; times += 1) {
    await page.getByRole("button", { name: "Empty the form" }).click();
    await page.getByRole("button", { name: "Empty it, everything is lost" }).click();
    await expect(page.getByRole("alert")).toHaveCount(0);
    await go(page, "You", "Who is it for?");
    await page.getByLabel("Name of the customer").fill("Acme");
  }
  await go(page, "Review", "Read it once more");
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("on a phone the review says from when it pays, and the profile", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const told: number[] = [];
  page.on("response", async (one) => {
    if (new URL(one.url()).pathname !== "/roi" || !one.ok()) return;
    told.push(Number((await one.json()).break_even_hours));
  });
  await fill(page, name());
  await go(page, "Review", "Read it once more");
  const said = page.getByText(/^Breaks even from: [\d.]+ h a week each\.$/);
  await expect(said).toBeVisible();
  const shown = async () => Number((await said.textContent())?.match(/[\d.]+/)?.[0]);
  // What is rounded up to a hundredth is never less, and less than a hundredth more.
  await expect.poll(async () => (await shown()) - (told.at(-1) ?? 0)).toBeGreaterThanOrEqual(0);
  await expect.poll(async () => (await shown()) - (told.at(-1) ?? 0)).toBeLessThan(0.011);
  expect(told.at(-1)).toBeGreaterThan(0);
  await expect(page.getByText(/^Profile (dev|prod)/)).toBeVisible();
});

test("the case is saved as a sheet that runs nothing", async ({ page }) => {
  await fill(page, name());
  await go(page, "The work", "What will it do, and how much?");
  await page.getByLabel("Department 1", { exact: true }).fill('=HYPERLINK("http://x","y")');
  await go(page, "Review", "Read it once more");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save as CSV" }).click(),
  ]);
  expect(file.suggestedFilename()).toBe("business-case.csv");
  const text = readFileSync(await file.path(), "utf8");
  // By its first character a spreadsheet knows how the others are written.
  expect(text.charCodeAt(0)).toBe(0xfeff);
  expect(text).toContain('"\'=HYPERLINK(""http://x"",""y""): people"');
  expect(text).toMatch(/"result","Gain at today’s value","USD",-?[\d.]+,[\d.]+,[\d.]+\r\n/);
  for (const cell of text.split(/[\r\n]+|,(?=")/)) expect(cell).not.toMatch(/^"?[=+@]/);
});

test("what strangers write is text and nothing else", async ({ page }) => {
  const bad = "<img src=x onerror=alert(1)>{{7*7}}";
  let asked = false;
  page.on("dialog", (dialog) => {
    asked = true;
    void dialog.dismiss();
  });
  await fill(page, name());
  await go(page, "You", "Who is it for?");
  await page.getByLabel("Name of the customer").fill(bad);
  await page.getByLabel("Whom to talk to").fill(bad);
  await go(page, "The work", "What will it do, and how much?");
  await page.getByLabel("Use case").fill(bad);
  await page.getByLabel("Department 1", { exact: true }).fill(bad);
  await go(page, "Review", "Read it once more");
  await expect(page.getByText(bad, { exact: true }).first()).toBeVisible();
  expect(await page.locator("main img").count()).toBe(0);
  await send(page);
  expect(asked).toBe(false);
});

test("signs of success are a field of their own", async ({ page, request }) => {
  const tenant = name();
  await fill(page, tenant);
  await go(page, "Success", "How will you know that it works?");
  await page.getByRole("button", { name: "Add a sign" }).click();
  await page.getByLabel("Sign 1, what").fill("Half of all claims are sorted by nobody");
  await page.getByLabel("Sign 1, until").fill(day(120));
  await accessible(page);
  await go(page, "Review", "Read it once more");
  await send(page);
  const [listed] = (await intakes(request, tenant)) as { follow: string }[];
  const headers = { authorization: `Bearer ${token("onboarding:approve")}` };
  const { form } = await (await request.get(listed?.follow ?? "", { headers })).json();
  expect(form.use_case).toBe("Sort incoming claims.");
  expect(form.success_criteria).toEqual([
    { text: "Half of all claims are sorted by nobody", by: day(120) },
  ]);
});

test.describe("a request that one has no receipt of", () => {
  test.use({ expected: /Failed to load resource.*(401|404)/ });

  test("is not shown, and the right receipt opens it", async ({ page, browser }) => {
    await fill(page, name());
    await send(page);
    await page.getByRole("button", { name: "Show the receipt" }).click();
    const receipt = await page.getByRole("textbox", { name: "Receipt" }).inputValue();
    const path = new URL(page.url()).pathname;
    expect(page.url()).not.toContain(receipt);
    const other = await browser.newContext({ locale: "en-US" });
    const stranger = await other.newPage();
    await stranger.goto(path);
    await accessible(stranger);
    await stranger.getByLabel("Receipt").fill(`receipt_${"A".repeat(43)}`);
    await stranger.getByRole("button", { name: "Look it up" }).click();
    await expect(stranger.getByRole("alert")).toContainText("This receipt opens no request here.");
    await stranger.getByRole("button", { name: "Give another receipt" }).click();
    await stranger.getByLabel("Receipt").fill(receipt);
    await stranger.getByRole("button", { name: "Look it up" }).click();
    await expect(stranger.getByText("Customer success reads it")).toBeVisible();
    await other.close();
  });
});

test("the whole flow by keyboard alone", async ({ page }) => {
  const keys = page.keyboard;
  /** Moves on until the field or button of a name has the focus. */
  const reach = async (
    name: string | RegExp,
    role: "textbox" | "button" | "combobox" = "textbox",
  ) => {
    const wanted = page.getByRole(role, { name, exact: typeof name === "string" }).first();
    for (let presses = 0; presses < 60; presses += 1) {
      if (await wanted.evaluate((one) => one === document.activeElement)) return;
      await keys.press("Tab");
    }
    await expect(wanted).toBeFocused();
  };
  const onward = async (title: string) => {
    await reach("Continue", "button");
    await keys.press("Enter");
    const heading = page.getByRole("heading", { level: 1, name: title });
    await expect(heading).toBeFocused();
  };
  await page.goto("/start");
  await expect(page.getByLabel("Name of the customer")).toBeVisible();
  await reach("Name of the customer");
  await keys.type("Acme Legal");
  await reach("Name of the tenant");
  await keys.press("ControlOrMeta+a");
  await keys.type(name());
  await reach("Whom to talk to");
  await keys.type("Ada");
  await reach("Mail address");
  await keys.type("ada@acme.example");
  await onward("What will it do, and how much?");
  await reach("Use case");
  await keys.type("Sort claims.");
  await reach("Department 1");
  await keys.type("Claims");
  await reach("Agent runs a month");
  await keys.type("60000");
  await onward("What does it save?");
  await onward("How will you know that it works?");
  await onward("When does it begin?");
  await keys.press("Tab");
  for (let presses = 0; presses < 30; presses += 1) {
    if (await page.getByLabel("Work begins on").evaluate((one) => one === document.activeElement))
      break;
    await keys.press("Tab");
  }
  const [year, month, date] = day(40).split("-");
  await keys.type(`${month}${date}${year}`);
  await expect(page.getByLabel("Work begins on")).toHaveValue(day(40));
  await onward("Read it once more");
  await reach("Send the request", "button");
  await keys.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Your request" })).toBeFocused();
});
