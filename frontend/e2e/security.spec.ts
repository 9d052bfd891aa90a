import { takeOn } from "./customers";
import { fill, go, name } from "./form";
import { inert, PAYLOAD } from "./inert";
import { type Place, token } from "./server";
import { enter } from "./staff";
import { expect } from "./test";
import { test as base } from "./world";

const test = base.extend({
  place: async ({ world }, use) => use(await world.open()),
});

test("the document says what may be done with it, and allows nothing inline", async ({ page }) => {
  for (const path of ["/", "/start/review", "/customers", "/approvals", "/stacks"]) {
    const headers = (await page.goto(path))?.headers() ?? {};
    const policy = headers["content-security-policy"] ?? "";
    expect(policy, path).toContain("default-src 'none'");
    expect(policy, path).toContain("frame-ancestors 'none'");
    expect(policy, path).toContain("require-trusted-types-for 'script'");
    expect(policy, path).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(headers, path).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
  }
});

test("the API's own page allows nothing inline either, and is whole", async ({ page }) => {
  test.setTimeout(300_000);
  const headers = (await page.goto("/docs/"))?.headers() ?? {};
  expect(headers["content-security-policy"]).toContain("default-src 'none'");
  expect(headers["content-security-policy"]).not.toMatch(/unsafe|https?:|\*/);
  await expect(page.locator(".opblock").first()).toBeVisible();
  // What the policy refused would be a complaint: so as much as possible is opened.
  const opened = await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const all = [...document.querySelectorAll<HTMLElement>(".opblock-summary-control")];
    for (const one of all.filter((_, index) => index % 8 === 0)) {
      one.click();
      await frame();
    }
    for (const one of document.querySelectorAll<HTMLElement>(".tab button, .model-box-control")) {
      one.click();
      await frame();
    }
    return document.querySelectorAll(".opblock.is-open").length;
  });
  expect(opened).toBeGreaterThan(3);
});

test.describe("another page", () => {
  // What is no page has no icon.
  test.use({
    expected: /Refused to (display|frame)|frame-ancestors|X-Frame-Options|resource.*404/,
  });

  test("cannot put ours into a frame of its own", async ({ page, place }) => {
    // From the same address, which would be the easiest, and a document without rules of its own.
    await page.goto("/billing/plans");
    await page.evaluate((url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.body.append(frame);
    }, `${place?.url}/customers`);
    await expect
      .poll(() => page.frames().map((frame) => frame.url()))
      .not.toContain(`${place?.url}/customers`);
    await expect(page.frameLocator("iframe").getByLabel("Token")).toHaveCount(0);
  });
});

test.describe("what somebody writes", () => {
  test.use({ expected: /Failed to load resource.*(400|422)/ });

  test("in whichever field of the form is text, also where the server refuses it", async ({
    page,
  }) => {
    await fill(page, name());
    let fields = 0;
    for (const [step, title] of [
      ["You", "Who is it for?"],
      ["The work", "What will it do, and how much?"],
      ["The saving", "What does it save?"],
      ["Success", "How will you know that it works?"],
      ["Beginning", "When does it begin?"],
    ] as const) {
      await go(page, step, title);
      if (step === "Success") await page.getByRole("button", { name: "Add a sign" }).click();
      const all = page.getByRole("main").getByRole("textbox");
      // What is typed into one may take others away.
      for (let at = 0; at < (await all.count()); at += 1) {
        const field = all.nth(at);
        if ((await field.getAttribute("type")) === "date") continue;
        await field.fill(PAYLOAD);
        // Some take only so much of it.
        const taken = await field.inputValue();
        expect(taken).not.toBe("");
        expect(PAYLOAD.startsWith(taken), taken).toBe(true);
        fields += 1;
      }
      await inert(page);
    }
    expect(fields).toBeGreaterThan(12);
    await go(page, "Review", "Read it once more");
    await expect(page.getByText(PAYLOAD).first()).toBeVisible();
    await inert(page);
    await page.getByRole("button", { name: "Send the request" }).click();
    await expect(page.getByRole("alert").first()).toBeVisible();
    await inert(page);
  });

  test("of a customer is text wherever customer success reads it", async ({ page, place }) => {
    const server = place as Place;
    await takeOn(server, [{ id: "stranger", name: PAYLOAD, useCase: PAYLOAD, facts: null }]);
    const bearer = token("billing:read onboarding:approve", { place: server });
    // A list that is shown does not renew itself: they are in it once they were summed up.
    const listed = async () => {
      const headers = { authorization: `Bearer ${bearer}` };
      const answer = await fetch(`${server.url}/billing/usage`, { headers });
      const { data } = (await answer.json()) as { data: { account: string }[] };
      return data.map(({ account }) => account);
    };
    await expect.poll(listed, { timeout: 300_000 }).toContain("stranger");
    await page.goto("/customers/stranger/brief");
    await enter(page, bearer, true);
    for (const path of [
      "/customers/stranger/brief",
      "/customers/stranger",
      "/customers",
      "/approvals?show=approved",
    ]) {
      await page.goto(path);
      await expect(page.getByText(PAYLOAD).first()).toBeVisible();
      await inert(page);
    }
  });
});
