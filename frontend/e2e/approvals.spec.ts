import type { Page } from "@playwright/test";
import { asked, decide, enter } from "./desk";
import { name } from "./form";
import { reach } from "./keys";
import { shown } from "./roi";
import { token } from "./server";
import { accessible, expect, test } from "./test";

async function open(page: Page, path: string, scopes = "onboarding:approve"): Promise<void> {
  await page.goto(path);
  await enter(page, scopes);
}

function line(page: Page, title: string) {
  return page.getByRole("region", { name: title });
}

test("a request is read, approved and followed", async ({ page, request }) => {
  const tenant = name();
  const usd = (amount: string) => ({ amount, currency: "USD" });
  const id = await asked(request, tenant, {
    roi: { salary: usd("52000.00"), burden: "0.305", risk: "0.15", ramp: ["0.5", "0.8"] },
  });
  await open(page, "/approvals");
  await expect(page.getByRole("heading", { level: 1, name: "Approvals" })).toBeFocused();
  const row = page.getByRole("row").filter({ hasText: tenant });
  await expect(row).toContainText("Initech Legal");
  await expect(row).toContainText("team");
  await expect(row).toContainText("waits for a decision");
  await accessible(page);
  await row.getByRole("link").click();
  await expect(page).toHaveURL(`/approvals/${id}`);
  await expect(page.getByRole("heading", { level: 1, name: "Initech Legal" })).toBeFocused();
  const wants = line(page, "What they want");
  for (const part of [
    "Most of them are leases.",
    "ops@initech.example",
    "America/Chicago",
    "Litigation: 12 people, 4 h a week each (3 to 5), 46 weeks a year",
    "Nobody reads a lease by hand",
    "No queue",
    "12,000",
  ]) {
    await expect(wants).toContainText(part);
  }
  await expect(line(page, "What fits")).toContainText("Plan team, USD 1,049.00 a month expected");
  await expect(line(page, "What fits")).toContainText("Profile prod with gpu.");
  const headers = { authorization: `Bearer ${token("onboarding:approve")}` };
  const answered = await (await request.get(`/onboarding/${id}`, { headers })).json();
  await shown(line(page, "Whether it pays"), answered);
  await accessible(page);
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await expect(line(page, "Decision")).toContainText(`opens the account ${tenant} on plan team`);
  await accessible(page);
  await page.getByRole("button", { name: `Yes, approve ${tenant}` }).dblclick();
  await expect(
    page.getByRole("status").filter({ hasText: `${tenant} is approved.` }),
  ).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(line(page, "Decision")).toContainText("Tenant made");
  await expect(line(page, "Decision")).toContainText("Decided by");
  await accessible(page);
  await page.getByRole("link", { name: "Waiting requests" }).click();
  await expect(page.getByRole("row").filter({ hasText: tenant })).toHaveCount(0);
  await page.getByRole("navigation", { name: "Which requests" }).getByText("Approved").click();
  await expect(page).toHaveURL("/approvals?show=approved");
  await expect(page.getByRole("row").filter({ hasText: tenant })).toContainText(
    "approved, tenant made",
  );
});

test("who listens hears who waits, and every part of a request by its name", async ({
  page,
  request,
}) => {
  const tenant = name();
  const id = await asked(request, tenant);
  await open(page, "/approvals");
  await expect(page.getByRole("row").filter({ hasText: tenant })).toBeVisible();
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - heading "Approvals" [level=1]
    - region "Requests":
      - heading "Requests" [level=2]
      - navigation "Which requests":
        - link "Waiting"
        - link "Approved"
        - link "Turned down"
        - link "Withdrawn"
        - link "All"
      - table "Requests":
        - rowgroup:
          - row "Customer Would get Came Stands"
  `);
  await page.getByRole("row").filter({ hasText: tenant }).getByRole("link").click();
  await expect(page).toHaveURL(`/approvals/${id}`);
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - paragraph:
      - link "Waiting requests"
    - heading "Initech Legal" [level=1]
    - region "Decision":
      - heading "Decision" [level=2]
      - button "Approve"
      - button "Turn down"
    - region "What they want":
      - heading "What they want" [level=2]
    - region "What fits":
      - heading "What fits" [level=2]
    - region "Whether it pays":
      - heading "Whether it pays" [level=2]
      - table "The business case, by estimate"
  `);
});

test("a request is turned down with a reason, which the sender does not read", async ({
  page,
  request,
}) => {
  const tenant = name();
  const id = await asked(request, tenant);
  await open(page, `/approvals/${id}`);
  await page.getByRole("button", { name: "Turn down" }).click();
  const reason = page.getByRole("textbox", { name: "Reason" });
  await expect(reason).toBeFocused();
  await page.getByRole("button", { name: "Turn the request down" }).click();
  await expect(page.getByRole("alert")).toContainText("Say why");
  await expect(reason).toBeFocused();
  await expect(reason).toHaveAttribute("aria-invalid", "true");
  await accessible(page);
  await reason.fill("a".repeat(501));
  await expect(page.getByRole("alert")).toContainText("1 character too many");
  await reason.fill("No budget\nthis year <b>");
  await page.getByRole("button", { name: "Turn the request down" }).click();
  await expect(line(page, "Decision")).toContainText("Turned down");
  await expect(line(page, "Decision")).toContainText("Reason: No budget this year <b>");
  await expect(page.getByRole("button", { name: "Approve" })).toHaveCount(0);
  await page.goto("/approvals?show=rejected");
  await enter(page, "onboarding:approve");
  await expect(page.getByRole("row").filter({ hasText: tenant })).toContainText("turned down");
});

test("what was taken back is shown apart", async ({ page, request }) => {
  const tenant = name();
  const id = await asked(request, tenant);
  await decide(request, id, "withdraw");
  await open(page, "/approvals?show=withdrawn");
  await page.getByRole("row").filter({ hasText: tenant }).getByRole("link").click();
  await expect(page).toHaveURL(`/approvals/${id}?show=withdrawn`);
  await expect(line(page, "Decision")).toContainText("Withdrawn");
  await page.getByRole("link", { name: "Withdrawn requests" }).click();
  await expect(page).toHaveURL("/approvals?show=withdrawn");
});

test("a request is approved by keyboard alone", async ({ page, request }) => {
  const tenant = name();
  await asked(request, tenant);
  await page.goto("/approvals");
  await reach(page, page.getByLabel("Token", { exact: true }));
  await page.keyboard.insertText(token("onboarding:approve"));
  await page.keyboard.press("Enter");
  const row = page.getByRole("row").filter({ hasText: tenant });
  await expect(row).toBeVisible();
  await reach(page, row.getByRole("link"));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Initech Legal" })).toBeFocused();
  await reach(page, page.getByRole("button", { name: "Approve", exact: true }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: `Yes, approve ${tenant}` })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(line(page, "Decision")).toContainText("Approved");
});

test.describe("what keeps somebody from deciding", () => {
  test.use({ expected: /Failed to load resource/ });

  test("a name that is taken is said, with the way on", async ({ page, request }) => {
    const tenant = name();
    await decide(request, await asked(request, tenant), "approve");
    const id = await asked(request, tenant);
    await open(page, `/approvals/${id}`);
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("the name is taken");
    await expect(alert).toContainText("ask the customer for another name");
    await accessible(page);
    await page.getByRole("button", { name: "Not yet" }).click();
    await expect(alert).toHaveCount(0);
    await page.getByRole("button", { name: "Turn down" }).click();
    await page.getByRole("textbox", { name: "Reason" }).fill("The name is taken");
    await page.getByRole("button", { name: "Turn the request down" }).click();
    await expect(line(page, "Decision")).toContainText("Turned down");
  });

  test("somebody else was faster", async ({ page, request }) => {
    const id = await asked(request, name());
    await open(page, `/approvals/${id}`);
    await page.getByRole("button", { name: "Turn down" }).click();
    await page.getByRole("textbox", { name: "Reason" }).fill("No");
    // The page looks again when this is over.
    let look = () => {};
    const looked = new Promise<void>((done) => {
      look = done;
    });
    await page.route(`**/onboarding/${id}`, (route) => looked.then(() => route.continue()));
    await decide(request, id, "reject", { reason: "Another reason" });
    await page.getByRole("button", { name: "Turn the request down" }).click();
    await expect(page.getByRole("alert")).toContainText("Somebody decided before you.");
    look();
    await expect(line(page, "Decision")).toContainText("Another reason");
    // It stays to be read when the question is gone.
    await expect(page.getByRole("status").first()).toContainText("Somebody decided before you.");
    await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  });

  test("a decision whose answer got lost is not taken for somebody else's", async ({
    page,
    request,
  }) => {
    const tenant = name();
    const id = await asked(request, tenant);
    await open(page, `/approvals/${id}`);
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.route("**/approve", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
    // The page looks again by itself.
    await expect(line(page, "Decision")).toContainText("Tenant made");
    const said = page.getByRole("status").first();
    await expect(said).toContainText("It is approved. What stands now is on this page.");
    await expect(page.getByText("Somebody decided before you.")).toHaveCount(0);
  });

  test("a token without the right says which is missing", async ({ page }) => {
    await open(page, "/approvals", "billing:read");
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("Your token does not reach this");
    await expect(alert).toContainText("onboarding:approve");
    await accessible(page);
    await page.getByRole("button", { name: "Use another token" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  });

  test("a server that is away, busy or does not know it, each is said", async ({
    page,
    request,
  }) => {
    const id = await asked(request, name());
    await page.route("**/onboarding?*", (route) => route.abort());
    await open(page, "/approvals");
    await expect(page.getByRole("alert")).toContainText("The server cannot be reached");
    await accessible(page);
    await page.unroute("**/onboarding?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("table", { name: "Requests" })).toBeVisible();
    await page.goto("/approvals/018f0000-0000-7000-8000-000000000000");
    await enter(page, "onboarding:approve");
    await expect(page.getByRole("alert")).toContainText("There is no such request");
    await page.goto(`/approvals/${id}`);
    await enter(page, "onboarding:approve");
    await page.getByRole("button", { name: "Approve", exact: true }).click();
    await page.route("**/approve", (route) => route.abort());
    await page.getByRole("button", { name: /Yes, approve/ }).click();
    await expect(page.getByRole("alert")).toContainText("It is not known whether your decision");
    await page.unroute("**/approve");
    await page.getByRole("button", { name: /Yes, approve/ }).click();
    await expect(line(page, "Decision")).toContainText("Approved");
  });
});

test("a browser that thinks itself offline asks all the same", async ({ page, request }) => {
  const tenant = name();
  await asked(request, tenant);
  await open(page, "/approvals?show=withdrawn");
  await expect(page.getByRole("heading", { level: 1, name: "Approvals" })).toBeVisible();
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await page.getByRole("navigation", { name: "Which requests" }).getByText("Waiting").click();
  await expect(page.getByRole("row").filter({ hasText: tenant })).toBeVisible();
});

test("where no plan fits there is nothing to approve", async ({ page, request }) => {
  const id = await asked(request, name(), { support_hours: 1 });
  await open(page, `/approvals/${id}`);
  await expect(line(page, "Decision")).toContainText("No plan fits");
  await expect(page.getByRole("button", { name: "Approve", exact: true })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Turn down" })).toBeVisible();
  const pays = line(page, "Whether it pays");
  await expect(pays).toContainText("No plan fits, so nothing was worked out.");
  await expect(pays.getByRole("table")).toHaveCount(0);
  await expect(pays).toContainText("Salary a year");
  await expect(pays).not.toContainText("Subscription a year");
});

test("what strangers write is text, whatever it says, in whichever direction", async ({
  page,
  request,
}) => {
  const bad = `<img src=x onerror=alert(1)>`;
  const long = "W".repeat(100);
  const tenant = name();
  const id = await asked(request, tenant, {
    display_name: `שלום ${bad}`,
    use_case: `${bad}\n${"x".repeat(900)}`,
    contact: { name: long, email: "ops@initech.example" },
    success_criteria: [{ text: bad }],
  });
  await open(page, "/approvals");
  const row = page.getByRole("row").filter({ hasText: tenant });
  await expect(row).toContainText(bad);
  await row.getByRole("link").click();
  await expect(page).toHaveURL(`/approvals/${id}`);
  await expect(line(page, "What they want")).toContainText(bad);
  expect(await page.locator("main img").count()).toBe(0);
  await accessible(page);
});
