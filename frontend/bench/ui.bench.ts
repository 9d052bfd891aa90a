/**
 * How the pages feel with many customers, on the real server in the real browser: when the largest
 * thing is painted, how long the page is blocked, and whether a long list scrolls without a hitch.
 */
import { writeFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { takeOn } from "../e2e/customers";
import { type Place, start, token } from "../e2e/server";
import { enter } from "../e2e/staff";

const MANY = Number(process.env.TENANTRY_BENCH_TENANTS ?? "10000");
/** A task longer than this is felt. */
const FELT = 50;
/** As far as a hard flick of a wheel goes in a frame. */
const STEP = 600;

interface Measure {
  readonly measure: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: number | null;
}

interface Watched {
  tasks: number[];
  painted: number;
  listed: number;
}

/** Writes down in the page what it is blocked by, and when its largest thing is there. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const watched: Watched = { tasks: [], painted: 0, listed: 0 };
    Object.assign(window, { watched });
    const look = () => {
      if (document.querySelector(".everyone tbody tr[aria-rowindex]")) {
        watched.listed = performance.now();
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) watched.tasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
    new PerformanceObserver((list) => {
      for (const { startTime } of list.getEntries()) watched.painted = startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
  });
}

function watched(page: Page): Promise<Watched> {
  return page.evaluate(() => (window as unknown as { watched: Watched }).watched);
}

const blocked = ({ tasks }: Watched) => tasks.reduce((sum, task) => sum + task - FELT, 0);

function opened(name: string, seen: Watched): Measure[] {
  return [
    { measure: `${name}: largest paint`, value: seen.painted, unit: "ms", goal: 1_500 },
    { measure: `${name}: blocked`, value: blocked(seen), unit: "ms", goal: 100 },
  ];
}

async function summed(place: Place, bearer: string): Promise<void> {
  const headers = { authorization: `Bearer ${bearer}` };
  const last = `many-${String(MANY - 1).padStart(6, "0")}`;
  const path = "/billing/usage?sort=account desc&page[size]=1";
  await expect
    .poll(
      async () => {
        const answer = await fetch(place.url + path, { headers });
        const { data } = (await answer.json()) as { data: { account: string }[] };
        return data[0]?.account;
      },
      { timeout: 600_000 },
    )
    .toBe(last);
}

/** Scrolls to the end of the list, and says how many rows were in the page at most. */
function through(page: Page): Promise<number> {
  return page.evaluate(async (step) => {
    const rows = () => document.querySelectorAll(".everyone tbody tr[aria-rowindex]").length;
    const frame = () => new Promise(requestAnimationFrame);
    let most = 0;
    const table = () => document.querySelector(".everyone");
    const whole = () => table()?.getAttribute("aria-rowcount") !== "-1";
    const end = () => window.scrollY + window.innerHeight >= document.documentElement.scrollHeight;
    while (!(whole() && end())) {
      window.scrollBy(0, step);
      await frame();
      most = Math.max(most, rows());
    }
    return most;
  }, STEP);
}

test("many customers", async ({ page }) => {
  const place = await start();
  try {
    const list = Array.from({ length: MANY }, (_, index) => ({
      id: `many-${String(index).padStart(6, "0")}`,
      name: `Customer ${index}`,
      facts: null,
    }));
    await takeOn(place, list);
    const bearer = token("billing:read", { place });
    await summed(place, bearer);
    await watch(page);
    await page.goto(`${place.url}/`);
    await expect(page.getByRole("table")).toBeVisible();
    const rows = opened("plans", await watched(page));
    await page.goto(`${place.url}/customers`);
    await enter(page, bearer, true);
    await page.reload();
    await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
    await expect.poll(async () => (await watched(page)).listed).toBeGreaterThan(0);
    const before = await watched(page);
    rows.push(...opened("customers", before), {
      measure: "customers: first rows",
      value: before.listed,
      unit: "ms",
      goal: 1_500,
    });
    const most = await through(page);
    const tasks = (await watched(page)).tasks.slice(before.tasks.length);
    await expect(page.getByText(`${MANY} customers.`)).toHaveCount(1);
    rows.push(
      { measure: "customers scrolled through", value: MANY, unit: "count", goal: null },
      { measure: "rows in the page at most", value: most, unit: "count", goal: 80 },
      { measure: "longest task", value: Math.max(0, ...tasks), unit: "ms", goal: FELT },
      { measure: `tasks over ${FELT} ms`, value: tasks.length, unit: "count", goal: 0 },
    );
    told(rows);
  } finally {
    await place.stop();
  }
});

function told(rows: readonly Measure[]): void {
  const all = rows.map((row) => ({
    ...row,
    value: Math.round(row.value * 10) / 10,
    met: row.goal === null ? null : row.value <= row.goal,
  }));
  const words = all.map(({ measure, value, unit, goal, met }) => {
    const aim = goal === null ? "-" : `≤ ${goal}`;
    return `| ${measure} | ${value} | ${unit} | ${aim} | ${met === null ? "-" : met ? "yes" : "NO"} |`;
  });
  process.stdout.write(
    `| measure | value | unit | goal | met |\n|---|---:|---|---:|---|\n${words.join("\n")}\n`,
  );
  const file = process.env.TENANTRY_BENCH_JSON;
  if (file) writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}
