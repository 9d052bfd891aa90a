/**
 * Every page in every state that it can be in, on real servers that are in that state, looked at as
 * in `sweep.ts`. States beside a cluster are in `fleet.spec.ts`.
 */
import { readFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import { ROUTES, type RouteName } from "../src/routes";
import { asked, decide } from "./desk";
import { fill, name, send } from "./form";
import { type Place, token } from "./server";
import { enter } from "./staff";
import { swept } from "./sweep";
import { expect } from "./test";
import { test as base, type World } from "./world";

interface State {
  /** What it is: part of the test's name. */
  readonly is: string;
  /** Where; the server of all tests unless given. */
  readonly at?: keyof World;
  /** Brings the page there; what shows that it is. */
  readonly reach: (page: Page, place: Place) => Promise<Locator>;
}

const test = base.extend<{ at: keyof World | null }>({
  at: [null, { option: true }],
  place: async ({ at, world }, use) => use(at === null ? null : await world[at]()),
  expected: /Failed to (load resource|fetch dynamically imported module)/,
});

const staff = "billing:read onboarding:approve";

async function enters(
  page: Page,
  place: Place,
  path: string,
  scopes = staff,
  role = "CustomerSuccessManager",
): Promise<void> {
  await page.goto(path);
  await enter(page, token(scopes, place.url === "" ? { role } : { place, role }), true);
}

/** Requests that are never answered: what is on its way stays so. */
const held = (page: Page, what: string) => page.route(what, () => {});
const cut = (page: Page, what: string) => page.route(what, (route) => route.abort());

/** To an address that the server has no page for: a tab that is open can still be led there. */
const led = (page: Page, path: string) =>
  page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);

const step = (key: string, title: string): State => ({
  is: `asks: ${key}`,
  reach: async (page) => {
    await fill(page, name());
    await page.goto(`/start/${key}`);
    const answer = page.getByRole("complementary", { name: "The answer so far" });
    await expect(answer).toContainText("starter");
    return page.getByRole("heading", { level: 1, name: title });
  },
});

const said = (page: Page, text: string | RegExp) =>
  page.getByRole("main").getByText(text).filter({ visible: true }).first();

const START: readonly State[] = [
  step("you", "Who is it for?"),
  step("work", "What will it do, and how much?"),
  step("savings", "What does it save?"),
  step("success", "How will you know that it works?"),
  step("begin", "When does it begin?"),
  step("review", "Read it once more"),
  {
    is: "misses something",
    reach: async (page) => {
      await page.goto("/start/review");
      await page.getByRole("button", { name: "Send the request" }).click();
      return page.getByRole("alert").filter({ hasText: "Mail address" });
    },
  },
  {
    is: "has no answer",
    reach: async (page) => {
      await cut(page, "**/recommendation");
      await page.goto("/start/work");
      return said(page, "The answer is not up to date.");
    },
  },
  {
    is: "is no step",
    reach: async (page) => {
      await page.goto("/start/nowhere");
      return page.getByRole("heading", { name: "There is no such page" });
    },
  },
];

const PLANS: readonly State[] = [
  {
    is: "has prices",
    reach: async (page) => {
      await page.goto("/");
      return page.getByRole("table");
    },
  },
  {
    is: "is on its way",
    reach: async (page) => {
      await held(page, "**/billing/plans");
      await page.goto("/");
      return said(page, "The price list is on its way.");
    },
  },
  {
    is: "is out of reach",
    reach: async (page) => {
      await cut(page, "**/billing/plans");
      await page.goto("/");
      return page.getByRole("alert").filter({ hasText: "The server cannot be reached." });
    },
  },
];

const REQUEST: readonly State[] = [
  {
    is: "asks for the receipt",
    reach: async (page) => {
      await page.goto("/requests/018f0000-0000-7000-8000-000000000000");
      return page.getByLabel("Receipt");
    },
  },
  {
    is: "does not know the receipt",
    reach: async (page) => {
      await page.goto("/requests/018f0000-0000-7000-8000-000000000000");
      await page.getByLabel("Receipt").fill(`receipt_${"A".repeat(43)}`);
      await page.getByRole("button", { name: "Look it up" }).click();
      return page.getByRole("alert").filter({ hasText: "opens no request here" });
    },
  },
  {
    is: "waits, then is out of reach",
    reach: async (page) => {
      await fill(page, name());
      await send(page);
      await expect(said(page, "Customer success reads it")).toBeVisible();
      await cut(page, "**/onboarding/*");
      return page.getByRole("alert").filter({ hasText: "cannot be seen now" });
    },
  },
];

const SIGNED_OUT: State = {
  is: "asks who it is",
  reach: async (page) => {
    await page.goto("/customers");
    return page.getByRole("heading", { level: 1, name: "Sign in" });
  },
};

const CUSTOMERS: readonly State[] = [
  SIGNED_OUT,
  {
    is: "no longer takes the token",
    reach: async (page) => {
      await page.goto("/customers");
      await enter(page, "old.token.here");
      return page.getByRole("alert").filter({ hasText: "no longer takes that token" });
    },
  },
  {
    is: "misses a scope or role",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers", "billing:read", "Visitor");
      return page.getByRole("alert").filter({ hasText: "Your token does not reach this." });
    },
  },
  {
    is: "is on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage**");
      await enters(page, place, "/customers");
      return said(page, "The list is on its way.");
    },
  },
  {
    is: "is a part that an upgrade took away",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/assets/CustomerHealth*.js");
      await enters(page, place, "/customers");
      await expect(page.getByRole("button", { name: "Load it anew" })).toBeVisible();
      return page.getByRole("alert").filter({ hasText: "This page could not be shown" });
    },
  },
  {
    is: "has nobody",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(said(page, "There is no customer yet.")).toBeVisible();
      return said(page, "Nobody needs a call now.");
    },
  },
  {
    is: "has whom to call and everyone",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
      return page.getByRole("region", { name: "Whom to call" }).getByRole("listitem").first();
    },
  },
  {
    is: "has nobody like that",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers?plan=none&flagged=true");
      return said(page, "No customer is as these filters say.");
    },
  },
  {
    is: "is there in part",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, "**/billing/usage?**");
      await enters(page, place, "/customers");
      await expect(
        page.getByRole("region", { name: "Whom to call" }).getByRole("listitem").first(),
      ).toBeVisible();
      return page.getByRole("alert").filter({ hasText: "The list is not here." });
    },
  },
  {
    is: "is past its time",
    at: "late",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      const list = page.getByRole("region", { name: "Everyone" });
      const late = list.getByText(/past the time until which to act on them/);
      await expect(async () => {
        await list.getByRole("button", { name: "Look again" }).click();
        await expect(late).toBeVisible({ timeout: 2_000 });
      }).toPass({ timeout: 300_000, intervals: [100] });
      return late;
    },
  },
];

const CUSTOMER: readonly State[] = [
  {
    is: "of one is on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage/acme");
      await enters(page, place, "/customers/acme");
      return said(page, "The customer’s figures are on their way.");
    },
  },
  {
    is: "of one has a projection and what it will cost",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/acme");
      await expect(page.getByRole("region", { name: "Cost" })).toContainText("With 80% between");
      const chart = page.getByRole("img", { name: /projected to end at .*, with 80% between/ });
      await expect(chart).toBeVisible();
      for (const part of await page.locator("main details:visible > summary").all()) {
        await part.click();
      }
      return chart;
    },
  },
  {
    is: "of one to call",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex");
      return said(page, "Call.");
    },
  },
  {
    is: "of one with marks reached, a long name and a bill",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/initech");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      return page.getByRole("table", { name: "The bill so far, line by line" });
    },
  },
  {
    is: "of one of whom little is known, from right to left",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/umbrella");
      return said(page, "Too little is known to say how well this customer does.");
    },
  },
  {
    is: "of one whose stack the token does not reach",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex", "billing:read");
      return page.getByRole("alert").filter({ hasText: "onboarding:approve" });
    },
  },
  {
    is: "of nobody",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers/nobody");
      return page.getByRole("alert").filter({ hasText: "There is no customer nobody" });
    },
  },
  {
    is: "of one to hand on",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex/brief");
      return page.getByRole("region", { name: "What it is for" });
    },
  },
  {
    is: "of one has no such part",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(said(page, "Nobody needs a call now.")).toBeVisible();
      await led(page, "/customers/acme/nothing");
      return page.getByRole("heading", { name: "There is no such page" });
    },
  },
];

const APPROVALS: readonly State[] = [
  {
    is: "has nobody who waits",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals");
      return said(page, "Nobody waits for a decision.");
    },
  },
  {
    is: "is on its way",
    at: "empty",
    reach: async (page, place) => {
      await held(page, "**/onboarding?**");
      await enters(page, place, "/approvals");
      return said(page, "The requests are on their way.");
    },
  },
  {
    is: "is out of reach",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/onboarding?**");
      await enters(page, place, "/approvals");
      return page.getByRole("alert").filter({ hasText: "The server cannot be reached" });
    },
  },
  {
    is: "misses a scope",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals", "billing:read");
      return page.getByRole("alert").filter({ hasText: "onboarding:approve" });
    },
  },
  {
    is: "has who waits, and one of them",
    reach: async (page) => {
      const tenant = name();
      const id = await asked(page.request, tenant);
      await enters(page, HERE, "/approvals");
      await expect(page.getByRole("row").filter({ hasText: tenant })).toBeVisible();
      await page.goto(`/approvals/${id}`);
      await page.getByRole("button", { name: "Turn down" }).click();
      return page.getByRole("textbox", { name: "Reason" });
    },
  },
  {
    is: "has one that was decided",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await decide(page.request, id, "reject", { reason: "No budget this year" });
      await enters(page, HERE, `/approvals/${id}?show=rejected`);
      return said(page, "No budget this year");
    },
  },
  {
    is: "has no such request",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals/018f0000-0000-7000-8000-000000000000");
      return page.getByRole("alert").filter({ hasText: "There is no such request" });
    },
  },
];

const PROFILES: readonly State[] = ["/stacks", "/stacks/dev"].map((path) => ({
  is: `is beside no cluster: ${path}`,
  at: "empty" as const,
  reach: async (page: Page, place: Place) => {
    await enters(page, place, path);
    return page.getByRole("status").filter({ hasText: "beside no cluster" });
  },
}));

/** The server of all tests. */
const HERE: Place = { url: "", secret: "" };

const STATES: Record<RouteName | "none", readonly State[]> = {
  plans: PLANS,
  start: START,
  request: REQUEST,
  customers: [...CUSTOMERS, ...CUSTOMER],
  approvals: APPROVALS,
  profiles: [
    ...PROFILES,
    {
      is: "misses a scope",
      at: "empty",
      reach: async (page, place) => {
        await enters(page, place, "/stacks", "onboarding:approve");
        return page.getByRole("alert").filter({ hasText: "billing:read" });
      },
    },
  ],
  none: [
    {
      is: "is no page",
      reach: async (page) => {
        await page.goto("/");
        await led(page, "/nowhere");
        return page.getByRole("heading", { name: "There is no such page" });
      },
    },
  ],
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
      while (more) await fetch(`${place?.url}/billing/usage`, { headers });
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
});
