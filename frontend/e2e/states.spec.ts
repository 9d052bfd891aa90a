/**
 * Every page in every state that it can be in, on real servers that are in that state, looked at as
 * in `sweep.ts`. States beside a cluster are in `fleet.spec.ts`; that none is without a page, `said/`
 * says.
 */
import { readFileSync } from "node:fs";
import { ROUTES, type RouteName } from "../src/routes";
import { name } from "./form";
import { token } from "./server";
import { enter } from "./staff";
import { APPROVALS } from "./states/approvals";
import { CUSTOMER } from "./states/customer";
import { CUSTOMERS } from "./states/customers";
import { PROFILES } from "./states/profiles";
import { REQUEST } from "./states/request";
import { PLANS, START } from "./states/start";
import { enters, followed, HERE, led, type State, said } from "./states/ways";
import { swept } from "./sweep";
import { expect } from "./test";
import { test as base, type World } from "./world";

const test = base.extend<{ at: keyof World | null }>({
  at: [null, { option: true }],
  place: async ({ at, world }, use) => use(at === null ? null : await world[at]()),
  expected: /Failed to (load resource|fetch dynamically imported module)/,
});

const NONE: readonly State[] = [
  {
    is: "is no page",
    reach: async (page) => {
      await page.goto("/");
      await led(page, "/nowhere");
      return page.getByRole("heading", { name: "There is no such page" });
    },
  },
];

const STATES: Record<RouteName | "none", readonly State[]> = {
  plans: PLANS,
  start: START,
  request: REQUEST,
  customers: [...CUSTOMERS, ...CUSTOMER],
  approvals: APPROVALS,
  profiles: PROFILES,
  none: NONE,
};

for (const [route, states] of Object.entries(STATES)) {
  for (const { is, at = null, reach } of states) {
    test.describe(`${route} ${is}`, () => {
      test.use({ at });

      test("for everybody", async ({ page, place }) => {
        const shows = await reach(page, place ?? HERE);
        await expect(shows).toBeVisible();
        await swept(page);
        await expect(shows, "it stayed so").toBeVisible();
      });
    });
  }
}

test("no page is without its states", () => {
  expect(Object.keys(STATES).sort()).toEqual([...Object.keys(ROUTES), "none"].sort());
  for (const [route, states] of Object.entries(STATES)) expect(states, route).not.toEqual([]);
  // An address that stands in no table would be looked at by nobody.
  const app = readFileSync(new URL("../src/App.tsx", import.meta.url), "utf8");
  const given = [...app.matchAll(/<Route\s+path=\{ROUTES\.(\w+)\}/g)].map(([, one]) => one);
  expect(given.sort()).toEqual(Object.keys(ROUTES).sort());
  expect(app.match(/<Route\b/g)).toHaveLength(given.length + 1);
});

test.describe("a server that has had enough of somebody", () => {
  test.use({ at: "stingy" });

  test("is asked again when it said, then says so, and is there again", async ({ page, place }) => {
    const bearer = token("billing:read", { place: place ?? HERE });
    const seen: number[] = [];
    page.on("response", (answer) => {
      if (answer.url().includes("/billing/usage")) seen.push(answer.status());
    });
    await page.goto("/customers");
    await enter(page, bearer, true);
    // Two at once are one too many; it comes by itself.
    await expect(said(page, "There is no customer yet.")).toBeVisible();
    await expect(said(page, "Nobody needs a call now.")).toBeVisible();
    // Somebody with the same name leaves nothing over.
    let more = true;
    const headers = { authorization: `Bearer ${bearer}` };
    const others = Array.from({ length: 4 }, async () => {
      while (more) {
        // A connection that was closed meanwhile is no matter.
        const asked = fetch(`${place?.url}/billing/usage`, { headers });
        await asked.then((answer) => answer.text()).catch(() => "");
      }
    });
    const list = page.getByRole("region", { name: "Everyone" });
    const alert = list.getByRole("alert");
    try {
      await expect(async () => {
        await list.getByRole("button", { name: "Look again" }).click();
        await expect(alert).toContainText("The budget read is 1 requests a second.", {
          timeout: 5_000,
        });
      }).toPass();
      await expect(alert).toContainText("The list is not renewed.");
      await swept(page);
      await expect(alert).toBeVisible();
    } finally {
      more = false;
      await Promise.all(others);
    }
    expect(seen).toContain(429);
    await alert.getByRole("button", { name: "Try again" }).click();
    await expect(alert).toHaveCount(0);
  });
});

test.describe("forced colours", () => {
  test.use({ at: "inhabited" });

  test("keep what is drawn, and what has the focus", async ({ page, place }) => {
    await page.emulateMedia({ forcedColors: "active" });
    await enters(page, place ?? HERE, "/customers");
    const table = page.getByRole("table", { name: "All customers" });
    const bar = table.locator(".bar").first();
    await expect(bar).toBeVisible();
    const drawn = await bar.evaluate((one) => getComputedStyle(one).backgroundImage);
    expect(drawn).toContain("linear-gradient");
    const link = table.getByRole("link").first();
    await link.focus();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Tab");
    await expect(link).toBeFocused();
    expect(await link.evaluate((one) => getComputedStyle(one).outlineStyle)).toBe("solid");
  });
});

test.describe("who listens", () => {
  test.use({ at: "inhabited" });

  test("hears what each part is, and of a row all that others see", async ({ page, place }) => {
    await enters(page, place ?? HERE, "/customers?sort=account");
    await expect(page.getByRole("banner")).toMatchAriaSnapshot(`
      - navigation "Pages":
        - link "Plans"
        - link "Find yours"
        - link "API"
      - navigation "Customer success":
        - link "Customers"
        - link "Approvals"
        - link "Profiles"
        - button "Sign out"
    `);
    await expect(page.getByRole("region", { name: "Everyone" })).toMatchAriaSnapshot(`
      - heading "Everyone" [level=2]
      - form "Which customers":
        - searchbox "Name begins with"
        - combobox "Flag"
        - combobox "Level"
        - combobox "Plan"
        - combobox "Order"
      - link "Skip the list"
    `);
    const table = page.getByRole("table", { name: /^All customers with health, use/ });
    await expect(table.getByRole("columnheader")).toHaveText([
      /^Customer/,
      "Health, 12 weeks",
      "Most used quota",
      "This period’s cost",
      "Support",
      "Flag",
    ]);
    const acme = table.getByRole("row", { name: /^Acme Legal/ });
    await expect(acme.getByRole("cell")).toHaveText([
      /^[01]\.\d+(well|flagged)/,
      /^Data taken in \d+%/,
      /^USD.[\d,]+\.\d\dUSD.[\d,]+ to USD.[\d,]+/,
      /^3 of 3 in 8 h/,
      /^/,
    ]);
    await expect(acme.getByRole("img", { name: /^known for a week$/ })).toBeVisible();
  });

  test("hears what a sign-in, a brief and a request are made of", async ({ page, place }) => {
    const main = page.getByRole("main");
    await page.goto("/customers/globex/brief");
    await expect(main).toMatchAriaSnapshot(`
      - heading "Sign in" [level=1]
      - textbox "Token"
      - button "Show the token"
      - checkbox /^Keep it until this tab is closed/
      - button "Sign in"
    `);
    await enters(page, place ?? HERE, "/customers/globex/brief");
    await expect(main).toMatchAriaSnapshot(`
      - heading "Globex" [level=1]
      - button "Print"
      - region "What it is for"
      - region "Plans":
        - table "The plans that were on sale"
      - region "Profile"
      - region "Business case":
        - table "The business case, by estimate"
      - region "How it shows that it goes well":
        - list
    `);
    await followed(page, name());
    await expect(main).toMatchAriaSnapshot(`
      - heading "Your request" [level=1]
      - region "Where it is":
        - list
      - region "Receipt":
        - textbox "Receipt"
      - region "What was answered":
        - table "The business case, by estimate"
    `);
  });
});
