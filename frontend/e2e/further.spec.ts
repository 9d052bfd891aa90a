/** Lists that come in pages, beyond the first: what leads to more, what is said where it does not come, and the end. */
import type { Page } from "@playwright/test";
import { type Customer, OVERDUE, takeOn } from "./customers";
import { type Place, token } from "./server";
import { enter } from "./staff";
import { alert, cut } from "./states/ways";
import { swept } from "./sweep";
import { expect } from "./test";
import { test as base } from "./world";

const test = base.extend({
  place: async ({ world }, use) => use(await world.open()),
  expected: /Failed to load resource/,
});

const ROWS = 60;
/** One more than a page of whom to call has. */
const CALLED = 9;

const CUSTOMERS: readonly Customer[] = [
  { id: "wonka", name: "Wonka", used: { agents: Array(ROWS).fill("1") } },
  ...Array.from({ length: CALLED }, (_, index) => ({
    id: `late-${index}`,
    name: `Late ${index}`,
    facts: OVERDUE,
  })),
];

interface Row {
  readonly account: string;
  readonly flagged: boolean;
  readonly as_of: { readonly stale: boolean; readonly behind: number };
}

let taken: Promise<void> | null = null;

/** All of them, and whom to call among them. */
async function seeded(place: Place): Promise<string> {
  taken ??= takeOn(place, CUSTOMERS);
  await taken;
  const bearer = token("billing:read onboarding:approve", { place });
  const headers = { authorization: `Bearer ${bearer}` };
  const known = async () => {
    const asked = await fetch(`${place.url}/billing/usage?page[size]=1000`, { headers });
    const { data } = (await asked.json()) as { data: Row[] };
    const still = data.filter(({ as_of }) => !as_of.stale && as_of.behind === 0);
    const late = data.filter(({ account, flagged }) => flagged && account.startsWith("late-"));
    return [still.length, late.length];
  };
  await expect.poll(known, { timeout: 300_000 }).toEqual([CUSTOMERS.length, CALLED]);
  return bearer;
}

/** Goes on from a first page: what is there stays when the next one does not come, and it comes when asked again. */
async function goesOn(page: Page, routes: string, more: string): Promise<void> {
  await cut(page, routes);
  await page.getByRole("button", { name: more, exact: true }).click();
  const lost = alert(page, "More is not here.");
  await expect(lost).toBeVisible();
  await swept(page);
  await page.unroute(routes);
  await lost.getByRole("button", { name: "Try again" }).click();
  await expect(lost).toHaveCount(0);
}

test("a line of a bill leads to all of its rows", async ({ page, place }) => {
  if (!place) throw new Error("no server");
  const bearer = await seeded(place);
  await page.goto("/customers/wonka");
  await enter(page, bearer, true);
  await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
  await page.getByRole("button", { name: `Its ${ROWS} rows of Agent runs` }).click();
  const line = page.getByRole("row", { name: /^Agent runs/ }).filter({ hasText: "Row " });
  await expect(line.getByRole("listitem")).toHaveCount(50);
  await goesOn(page, "**/events?*after*", "More rows");
  await expect(line.getByRole("listitem")).toHaveCount(ROWS);
  await expect(line.getByRole("listitem").last()).toContainText(`named agents-${ROWS - 1}`);
  await expect(page.getByRole("button", { name: "More rows" })).toHaveCount(0);
});

test("more to call than one page has are all to be called", async ({ page, place }) => {
  if (!place) throw new Error("no server");
  const bearer = await seeded(place);
  await page.goto("/customers");
  await enter(page, bearer, true);
  const calls = page.getByRole("region", { name: "Whom to call" });
  const late = calls.getByRole("link", { name: /^Late \d$/ });
  await expect(calls.getByRole("link")).toHaveCount(CALLED - 1);
  await goesOn(page, "**/triage?*after*", "More to call");
  await expect(late).toHaveCount(CALLED);
  await expect(calls.getByRole("button", { name: "More to call" })).toHaveCount(0);
});
