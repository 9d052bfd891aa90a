import type { Page } from "@playwright/test";
import { type Customer, OVERDUE, takeOn } from "./customers";
import { reach } from "./keys";
import { shown } from "./roi";
import { type Place, start, token } from "./server";
import { enter } from "./staff";
import { swept } from "./sweep";
import { accessible, expect, test } from "./test";

// One worker, which makes a server and its customers once.
test.describe.configure({ mode: "default" });

const HOSTILE = "<img src=x onerror=alert(1)>";
const USE_CASE = "<b>Sort</b> claims.";
const RIGHT_TO_LEFT = "شركة المظلة للخدمات القانونية";
const LONG = `Initech Verwaltungs- und Beteiligungsgesellschaft ${"für Rechtsdienste ".repeat(2)}mbH`;

const NAMED: readonly Customer[] = [
  { id: "acme", name: "Acme Legal", used: { agents: ["40", "2.5"] }, answers: [1, 2, 9] },
  { id: "globex", name: "Globex", facts: OVERDUE, used: { agents: ["30"] } },
  { id: "hooli", name: HOSTILE, facts: { ...OVERDUE, days_overdue: 75 }, useCase: USE_CASE },
  { id: "initech", name: LONG, used: { ingestion: ["99999"] }, said: { note: HOSTILE } },
  { id: "umbrella", name: RIGHT_TO_LEFT, facts: null },
];
/** More than the page asks for at a time. */
const MANY = 230;
const REST: readonly Customer[] = Array.from({ length: MANY }, (_, index) => ({
  id: `many-${String(index).padStart(3, "0")}`,
  name: `Customer ${index}`,
  facts: null,
}));

let started: ReturnType<typeof start> | null = null;
let taken: Promise<void> | null = null;
let summed: Promise<Place> | null = null;

function server(): ReturnType<typeof start> {
  started ??= start();
  return started;
}

/** The server with all customers, summed up. */
function seeded(): Promise<Place> {
  summed ??= (async () => {
    const place = await server();
    taken ??= takeOn(place, [...NAMED, ...REST]);
    await taken;
    await expect
      .poll(
        async () => {
          const rows = (await everyone(place)).data;
          const moved = rows.filter((row) => row.as_of.stale || row.as_of.behind > 0);
          return rows.length - moved.length;
        },
        { timeout: 300_000 },
      )
      .toBe(NAMED.length + MANY);
    return place;
  })();
  // The next test waits anew, rather than to fail by this one.
  summed.catch(() => {
    summed = null;
  });
  return summed;
}

test.use({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
  place: async ({}, use) => use(await server()),
});

test.afterAll(async () => {
  if (started) await (await started).stop();
});

interface Row {
  readonly account: string;
  readonly name: string;
  readonly health: string | null;
  readonly reason: string;
  readonly helps_most: string | null;
  readonly as_of: { readonly stale: boolean; readonly behind: number };
}

async function ask<T>(place: Place, path: string): Promise<T> {
  const headers = { authorization: `Bearer ${reader(place)}` };
  const answer = await fetch(place.url + path, { headers });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

let made: string | null = null;
function reader(place: Place): string {
  made ??= token("billing:read onboarding:approve", { place });
  return made;
}

async function triage(place: Place): Promise<Row[]> {
  return (await ask<{ data: Row[] }>(place, "/billing/usage/triage")).data;
}

function everyone(place: Place, query = ""): Promise<{ data: Row[] }> {
  return ask(place, `/billing/usage?page[size]=1000${query}`);
}

async function open(page: Page, place: Place, path = "/customers"): Promise<void> {
  await page.goto(path);
  await enter(page, reader(place), true);
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toHaveCount(0);
}

function table(page: Page) {
  return page.getByRole("table", { name: "All customers" });
}

function names(page: Page): Promise<string[]> {
  return table(page).getByRole("rowheader").getByRole("link").allInnerTexts();
}

test("without any customer the pages say so", async ({ page }) => {
  await open(page, await server());
  await expect(page.getByText("Nobody needs a call now.")).toBeVisible();
  await expect(page.getByText("There is no customer yet.")).toBeVisible();
  await accessible(page);
});

test("triage has whom to call, why and what helps most, the worst first", async ({ page }) => {
  const place = await seeded();
  const data = await triage(place);
  const called = data.map((call) => call.account);
  expect(called).toEqual(expect.arrayContaining(["hooli", "globex", "initech"]));
  let alerted = false;
  page.on("dialog", async (dialog) => {
    alerted = true;
    await dialog.dismiss();
  });
  await open(page, place);
  const calls = page.getByRole("region", { name: "Whom to call" }).getByRole("listitem");
  await expect(calls).toHaveCount(data.length);
  for (const [index, call] of data.entries()) {
    const entry = calls.nth(index);
    await expect(entry.getByRole("link")).toHaveText(call.name);
    await expect(entry).toContainText(call.reason);
    await expect(entry).toContainText(call.helps_most ?? "");
    await expect(entry).toContainText(call.health ?? "");
  }
  await expect(page.getByText(/^Figures as of .*GMT/)).toBeVisible();
  await expect(table(page)).toBeVisible();
  await accessible(page, [320, 768, 1280, 1920]);
  expect(alerted).toBe(false);
});

test("everyone is listed in the server's order, as chosen, and the address keeps it", async ({
  page,
}) => {
  const place = await seeded();
  await open(page, place);
  const first = async (query: string) =>
    (await everyone(place, query)).data.slice(0, 10).map((row) => row.name);
  const shows = async (query: string) => {
    const wanted = await first(query);
    await expect.poll(async () => (await names(page)).slice(0, 10)).toEqual(wanted);
  };
  await shows("&sort=health asc");
  await table(page)
    .getByRole("button", { name: /Most used quota/ })
    .click();
  await expect(table(page).getByRole("columnheader", { name: /Most used/ })).toHaveAttribute(
    "aria-sort",
    "descending",
  );
  await shows("&sort=ratio desc");
  await table(page)
    .getByRole("button", { name: /Customer/ })
    .click();
  await table(page)
    .getByRole("button", { name: /Customer/ })
    .click();
  await shows("&sort=account desc");
  await table(page).getByRole("button", { name: "Support" }).click();
  await shows("&sort=support asc");
  // By names, the one that begins with a mark would be the first.
  await page.getByLabel("Order").selectOption({ label: "Ids from a" });
  await expect
    .poll(async () => (await names(page)).slice(0, 3))
    .toEqual(["Acme Legal", "Globex", HOSTILE]);
  await page.getByLabel("Order").selectOption({ label: "Support late most often first" });
  await shows("&sort=support asc");
  // Of those who asked, the one whose answers came late.
  expect((await names(page))[0]).toBe("Acme Legal");
  await page.getByLabel("Order").selectOption({ label: "Highest health first" });
  await page.getByLabel("Flag").selectOption({ label: "To call" });
  await shows("&sort=health desc&filter[flagged][eq]=true");
  await page.reload();
  await shows("&sort=health desc&filter[flagged][eq]=true");
  await expect(page.getByLabel("Flag")).toHaveValue("true");
  await page.getByLabel("Level").selectOption({ label: "80% reached" });
  await expect(page.getByText("No customer is as these filters say.")).toBeVisible();
  await accessible(page, [320]);
  await page.getByRole("button", { name: "Show everyone" }).click();
  await shows("&sort=health desc");
  const search = page.getByRole("searchbox", { name: "Name begins with" });
  await search.fill("customer 1");
  await shows("&sort=health desc&filter[name][starts]=customer 1");
  await expect(page).toHaveURL(/name=customer(\+|%20)1/);
  await page.reload();
  await expect(search).toHaveValue("customer 1");
  await search.fill("UMB");
  await expect.poll(() => names(page)).toEqual([RIGHT_TO_LEFT]);
  await page.getByRole("button", { name: "Show everyone" }).click();
  await expect(search).toHaveValue("");
  await shows("&sort=health desc");
});

test("a long list is in the page as far as one sees, and comes as one scrolls", async ({
  page,
}) => {
  const place = await seeded();
  const all = NAMED.length + MANY;
  await open(page, place, "/customers?sort=account");
  const rows = table(page).locator("tbody tr[aria-rowindex]");
  await expect(rows.first()).toBeVisible();
  await expect(page.getByText("200 shown so far")).toBeVisible();
  await expect(table(page)).toHaveAttribute("aria-rowcount", "-1");
  for (let most = 0; most < 40 && (await page.getByText(`${all} customers.`).count()) === 0; ) {
    await page.mouse.wheel(0, 4000);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    expect(await rows.count()).toBeLessThan(80);
    most += 1;
  }
  await expect(page.getByText(`${all} customers.`)).toHaveCount(1);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  const name = table(page).getByRole("link", { name: RIGHT_TO_LEFT });
  await expect(name).toBeInViewport();
  // Where there is no room for all of it, it is cut at its own end.
  expect(await name.evaluate((one) => getComputedStyle(one).direction)).toBe("rtl");
  await expect(table(page)).toHaveAttribute("aria-rowcount", String(all + 1));
  expect(await rows.count()).toBeLessThan(80);
  const last = table(page).getByRole("row").filter({ hasText: RIGHT_TO_LEFT });
  await expect(last).toHaveAttribute("aria-rowindex", String(all + 1));
});

test("a list that is measured anew while somebody scrolls stays where they are", async ({
  page,
}) => {
  const place = await seeded();
  await open(page, place, "/customers?sort=account");
  await expect(table(page).locator("tbody tr[aria-rowindex]").first()).toBeVisible();
  const backwards = await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    // As when more rows come: between the look at what is in sight and the rows being put there.
    const anew = () => requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    window.addEventListener("scroll", anew, { passive: true });
    const found: number[] = [];
    for (let frames = 0; frames < 60; frames += 1) {
      const before = window.scrollY;
      window.scrollBy(0, 150);
      await frame();
      await frame();
      if (window.scrollY < before) found.push(window.scrollY - before);
    }
    return found;
  });
  expect(backwards).toEqual([]);
  expect(await page.evaluate(() => window.scrollY)).toBeGreaterThan(4_000);
});

test("who returns from a customer is where they were", async ({ page }) => {
  const place = await seeded();
  await open(page, place, "/customers?sort=account");
  const link = table(page).getByRole("link", { name: "Customer 100", exact: true });
  const rows = table(page).locator("tbody tr[aria-rowindex]");
  await expect(rows.first()).toBeVisible();
  // Four others are before the many.
  await rows.first().evaluate((row) => {
    const { top, height } = row.getBoundingClientRect();
    window.scrollTo(0, window.scrollY + top + 104 * height - 300);
  });
  await expect(link).toBeInViewport();
  const before = await page.evaluate(() => window.scrollY);
  await link.click();
  await expect(page.getByRole("heading", { level: 1, name: "Customer 100" })).toBeFocused();
  expect(new URL(page.url()).search).toBe("?sort=account");
  await page.goBack();
  await expect(link).toBeFocused();
  expect(await page.evaluate(() => window.scrollY)).toBe(before);
  await link.press("Enter");
  await page.getByRole("link", { name: "All customers" }).click();
  await expect(link).toBeFocused();
  await expect(link).toBeInViewport();
});

test("the keyboard alone goes through triage, to a customer and back", async ({ page }) => {
  const place = await seeded();
  await page.goto("/customers");
  await reach(page, page.getByLabel("Token", { exact: true }));
  // As a manager of passwords would put it there.
  await page.keyboard.insertText(reader(place));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Customers" })).toBeFocused();
  const calls = page.getByRole("region", { name: "Whom to call" });
  await expect(calls.getByRole("link").first()).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(calls.getByRole("link").nth(0)).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(calls.getByRole("link").nth(1)).toBeFocused();
  await page.keyboard.press("Enter");
  const second = (await triage(place))[1]?.name ?? "";
  await expect(page.getByRole("heading", { level: 1, name: second })).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  const back = page.getByRole("link", { name: "All customers" });
  await expect(back).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(calls.getByRole("link").nth(1)).toBeFocused();
  await reach(page, page.getByLabel("Order"));
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Look again" })).toBeFocused();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip the list" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  // Its end is in sight, so that the rest comes.
  await expect(page.getByText(`${NAMED.length + MANY} customers.`)).toHaveCount(1);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("radio", { name: "As the system" })).toBeFocused();
});

interface Shown {
  readonly health: {
    readonly score: string;
    readonly factors: readonly {
      readonly name: string;
      readonly input: string | null;
      readonly weight: string;
      readonly points: string | null;
      readonly contribution: string | null;
    }[];
  };
  readonly reason: string;
  readonly helps_most: string;
}

/** Rounded down, digit by digit. */
function hundredths(points: string): string {
  const [whole, rest = ""] = points.split(".");
  return `${whole}.${rest.padEnd(2, "0").slice(0, 2)}`;
}

test("a customer's page has the server's figures, and says them without colours", async ({
  page,
}) => {
  const place = await seeded();
  const shown = await ask<Shown>(place, "/billing/usage/globex");
  await open(page, place, "/customers/globex");
  await expect(page).toHaveTitle("Globex · Tenantry");
  await expect(page.getByText(shown.reason).filter({ visible: true })).toHaveCount(1);
  await expect(page.getByText(`Helps most: ${shown.helps_most}`)).toHaveCount(1);
  expect(shown.health.factors.filter(({ contribution }) => contribution)).not.toEqual([]);
  const health = page.getByRole("region", { name: "Health" });
  await expect(health.getByText(shown.health.score, { exact: true }).first()).toBeVisible();
  const factors = health.getByRole("table", { name: "What health is made of" });
  await expect(factors.getByRole("row")).toHaveCount(shown.health.factors.length + 1);
  for (const factor of shown.health.factors) {
    const row = factors.getByRole("row", { name: new RegExp(`^${factor.name}`, "i") });
    const said = factor.input ?? "Nothing is known";
    const { weight, points, contribution } = factor;
    await expect(row.getByRole("cell")).toHaveText([
      said.charAt(0).toUpperCase() + said.slice(1),
      weight,
      points === null ? "–" : hundredths(points),
      contribution ?? "–",
    ]);
  }
  const use = page.getByRole("region", { name: "Use" });
  await expect(use.getByRole("row", { name: /Agent runs/ })).toContainText("30");
  await use.getByLabel("By day").selectOption({ label: "Agent runs" });
  await expect(use.getByRole("img", { name: /^30 runs used, of .* included/ })).toBeVisible();
  for (const part of await page.locator("main details:visible > summary").all()) await part.click();
  await expect(use.getByRole("table", { name: "Agent runs by day" })).toBeVisible();
  await expect(page.getByText(/^Figures as of .*GMT/).filter({ visible: true })).toHaveCount(1);
  await accessible(page);
});

test("marks of a quota that were reached are said, and listed as alerts", async ({ page }) => {
  const place = await seeded();
  await open(page, place, "/customers/initech");
  const use = page.getByRole("region", { name: "Use" });
  await expect(use.getByRole("row", { name: /Data taken in/ })).toContainText("95% reached");
  const alerts = page.getByRole("table", { name: "Alerts, the newest first" });
  await expect(alerts).toContainText("reached 95% of the quota");
  await expect(alerts).toContainText("reached 80% of the quota");
  await accessible(page, [320]);
});

test("a bill leads down to the events behind it", async ({ page }) => {
  const place = await seeded();
  const bill = await ask<{ total: { amount: string } }>(place, "/billing/usage/acme/explain");
  await open(page, place, "/customers/acme");
  await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
  const lines = page.getByRole("table", { name: "The bill so far, line by line" });
  await expect(lines.getByRole("row", { name: /^Total/ })).toContainText(
    Number(bill.total.amount).toLocaleString("en-US", { minimumFractionDigits: 2 }),
  );
  await expect(lines.getByRole("row", { name: /Base fee/ })).toContainText("team");
  await lines.getByRole("button", { name: "Its 2 rows of Agent runs" }).click();
  const rows = lines.getByRole("row", { name: /^Agent runs/ }).getByRole("listitem");
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(0)).toContainText(/Row \d+: 40 runs/);
  await expect(rows.nth(0)).toContainText("from /core, named agents-0");
  await expect(rows.nth(1)).toContainText(/Row \d+: 2\.5 runs/);
  await accessible(page);
});

test("what events say of themselves is text", async ({ page }) => {
  const place = await seeded();
  const dialogs: string[] = [];
  page.on("dialog", async (dialog) => {
    dialogs.push(dialog.message());
    await dialog.dismiss();
  });
  await open(page, place, "/customers/initech");
  await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
  await page.getByRole("button", { name: "Its 1 row of Data taken in" }).click();
  await expect(page.getByText(HOSTILE).filter({ visible: true })).toHaveCount(1);
  expect(dialogs).toEqual([]);
});

test("a brief is there to be read and printed", async ({ page }) => {
  const place = await seeded();
  await open(page, place, "/customers/hooli");
  const stack = page.getByRole("region", { name: "Stack and hand-off" });
  await expect(stack).toContainText("This server is not beside its cluster", { timeout: 300_000 });
  await stack.getByRole("link", { name: "Brief for the hand-off" }).click();
  await expect(
    page
      .getByRole("heading", { level: 1, name: "hooli" })
      .or(page.getByRole("heading", { level: 1, name: HOSTILE })),
  ).toBeFocused();
  await expect(page.getByRole("region", { name: "What it is for" })).toContainText(
    "<b>Sort</b> claims.",
  );
  await expect(page.getByRole("row", { name: /team.*recommended/ })).toBeVisible();
  await expect(page.getByText("Ada Lovelace, ada@hooli.example")).toBeVisible();
  const { request } = await ask<{ request: string }>(place, "/billing/usage/hooli");
  const brief = await ask<Parameters<typeof shown>[1]>(place, `${request}/brief`);
  const pays = page.getByRole("region", { name: "Business case" });
  await shown(pays, brief);
  await expect(pays).toContainText("12 people, 4 h a week each (3 to 5), 46 weeks a year");
  const signs = page.getByRole("region", { name: "How it shows that it goes well" });
  await expect(signs).toContainText("Support answers within 8 h. Shows in how support answers.");
  await expect(page.getByRole("main")).not.toContainText(/facts:|usage:|_sla_/);
  await accessible(page);
  // Paper is white, whatever somebody chose for the screen.
  await page.getByRole("radio", { name: "Dark" }).check();
  const ink = () => page.evaluate(() => getComputedStyle(document.documentElement).color);
  await expect.poll(ink).not.toBe("rgb(27, 26, 23)");
  await page.emulateMedia({ media: "print" });
  expect(await ink()).toBe("rgb(27, 26, 23)");
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeHidden();
  await expect(page.getByRole("button", { name: "Print" })).toBeHidden();
  await expect(page.getByRole("region", { name: "Plans" })).toBeVisible();
});

test("a customer sees their own page, and nothing of what was said of them", async ({ page }) => {
  const place = await seeded();
  const own = token("billing:read:own", { place, role: null, tenant: "globex" });
  await page.goto("/customers/globex");
  await enter(page, own);
  await expect(page.getByRole("heading", { level: 1, name: "Globex" })).toBeVisible();
  await expect(page.getByText("Nobody has stated anything yet")).toBeVisible();
  await expect(page.getByText("There is no request to look at")).toBeVisible();
  await expect(page.getByText("This server is not beside its cluster")).toBeVisible();
});

test.describe("what goes wrong", () => {
  test.use({ expected: /Failed to load resource/ });

  test("a customer that is not there is said so", async ({ page }) => {
    await open(page, await server(), "/customers/nobody");
    await expect(page.getByRole("alert")).toContainText("There is no customer nobody");
    await accessible(page, [320]);
  });

  test("what a token does not reach is said where it would stand, and the rest is there", async ({
    page,
  }) => {
    const place = await seeded();
    await page.goto("/customers/globex");
    await enter(page, token("billing:read", { place }));
    const stack = page.getByRole("region", { name: "Stack and hand-off" });
    await expect(stack.getByRole("alert")).toContainText("onboarding:approve");
    await expect(page.getByRole("table", { name: "What health is made of" })).toBeVisible();
    await accessible(page, [320]);
  });

  test("what cannot be asked for is said where it would stand, and can be asked again", async ({
    page,
  }) => {
    const place = await seeded();
    await page.route("**/billing/usage?**", (route) => route.abort());
    await open(page, place);
    const list = page.getByRole("region", { name: "Everyone" });
    await expect(list.getByRole("alert")).toContainText("The list is not here.");
    const calls = page.getByRole("region", { name: "Whom to call" }).getByRole("listitem");
    await expect(calls).toHaveCount((await triage(place)).length);
    await accessible(page, [320]);
    await page.unroute("**/billing/usage?**");
    await page.route("**/billing/usage?*after*", (route) => route.abort());
    await list.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByText("200 shown so far")).toBeVisible();
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await expect(list.getByRole("alert")).toContainText("More is not here.");
    await swept(page);
    await page.unroute("**/billing/usage?*after*");
    await list.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByText(`${NAMED.length + MANY} customers.`)).toHaveCount(1);
    // What was seen stays when it cannot be renewed.
    await page.route("**/billing/usage?**", (route) => route.abort());
    await list.getByRole("button", { name: "Look again" }).click();
    await expect(list.getByRole("alert")).toContainText("The list is not renewed.");
    await expect(table(page)).toBeVisible();
  });
});
