/**
 * How the pages feel with many customers, on the real server in the real browser: when the largest
 * thing is painted, how long the page is blocked, and whether a long list scrolls without a hitch.
 * Beside it the same browser scrolls as many plain rows that no script touches: what that takes is
 * the machine's share.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type Browser, expect, type Page, test } from "@playwright/test";
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

/** How long after its last answer a page may still be at work, in milliseconds. */
const AFTER = 500;

/** What was written down, once the page is at rest: its largest thing may be the last to come. */
async function settled(page: Page): Promise<Watched> {
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(AFTER);
  return watched(page);
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
    const rows = () => document.querySelectorAll("tbody tr[aria-rowindex]").length;
    const frame = () => new Promise(requestAnimationFrame);
    let most = 0;
    const whole = () => document.querySelector('table[aria-rowcount="-1"]') === null;
    const end = () =>
      window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 1;
    while (!(whole() && end())) {
      const before = window.scrollY;
      window.scrollBy(0, step);
      await frame();
      if (window.scrollY < before) throw new Error(`back from ${before} to ${window.scrollY}`);
      most = Math.max(most, rows());
    }
    return most;
  }, STEP);
}

interface Scrolled {
  readonly most: number;
  /** Tasks longer than [`FELT`], by the clock. */
  readonly felt: readonly number[];
  /** What tasks of the page took of a processor, in milliseconds. */
  readonly worked: readonly number[];
}

interface Event {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of a processor. */
  readonly tdur?: number;
}

/** Processor time of each task of the busiest page in a trace. */
function work(path: string): number[] {
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8")) as { traceEvents: Event[] };
  const pages = new Map<string, number[]>();
  for (const event of traceEvents) {
    if (event.ph !== "X" || !event.name.endsWith("RunTask")) continue;
    const thread = `${event.name} ${event.pid} ${event.tid}`;
    const tasks = pages.get(thread) ?? [];
    tasks.push((event.tdur ?? 0) / 1000);
    pages.set(thread, tasks);
  }
  const main = traceEvents.filter((event) => event.name === "ScrollLayer").at(-1);
  return pages.get(`ThreadControllerImpl::RunTask ${main?.pid} ${main?.tid}`) ?? [];
}

async function scrolled(browser: Browser, page: Page): Promise<Scrolled> {
  const before = (await watched(page)).tasks.length;
  const path = test.info().outputPath("trace.json");
  const categories = ["toplevel", "devtools.timeline"];
  await browser.startTracing(page, { path, categories });
  const most = await through(page);
  await browser.stopTracing();
  const felt = (await watched(page)).tasks.slice(before);
  return { most, felt, worked: work(path) };
}

/** As many rows as the list has, as high as its rows, and nothing else. */
async function plain(browser: Browser): Promise<Scrolled> {
  const page = await browser.newPage();
  await watch(page);
  await page.goto("about:blank");
  const cells = ["0.92", "Agent runs 83%", "USD 1,049.00", "1 of 2 in 8 h", "Call"];
  const rest = cells.map((cell) => `<td>${cell}</td>`).join("");
  const rows = Array.from(
    { length: MANY },
    (_, index) => `<tr style="height:52px"><th>Customer ${index}</th>${rest}</tr>`,
  );
  await page.setContent(`<table>${rows.join("")}</table>`);
  const result = await scrolled(browser, page);
  await page.close();
  return result;
}

const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);

/** The list beside plain rows. */
function beside(list: Scrolled, rows: Scrolled): Measure[] {
  const both = (
    measure: string,
    of: (one: Scrolled) => number,
    unit: string,
    goal: number | null,
  ) => [
    { measure, value: of(list), unit, goal },
    { measure: `${measure}, plain rows`, value: of(rows), unit, goal: null },
  ];
  const heavy = (one: Scrolled) => one.worked.filter((task) => task > FELT).length;
  return [
    { measure: "rows in the page at most", value: list.most, unit: "count", goal: 80 },
    ...both("longest task", ({ felt }) => Math.max(0, ...felt), "ms", FELT),
    ...both(`tasks over ${FELT} ms`, ({ felt }) => felt.length, "count", 0),
    ...both(`tasks over ${FELT} ms of a processor`, heavy, "count", 0),
    ...both("processor time", ({ worked }) => sum(worked), "ms", null),
    {
      measure: "processor time, as many times that of plain rows",
      value: sum(list.worked) / sum(rows.worked),
      unit: "times",
      goal: null,
    },
  ];
}

test("many customers", async ({ page, browser }) => {
  const place = await start();
  try {
    const customers = Array.from({ length: MANY }, (_, index) => ({
      id: `many-${String(index).padStart(6, "0")}`,
      name: `Customer ${index}`,
      facts: null,
    }));
    await takeOn(place, customers);
    const bearer = token("billing:read", { place });
    await summed(place, bearer);
    await watch(page);
    await page.goto(`${place.url}/`);
    await expect(page.getByRole("table")).toBeVisible();
    const rows = opened("plans", await settled(page));
    await page.goto(`${place.url}/start/work`);
    const answer = page.getByRole("complementary", { name: "The answer so far" });
    await expect(answer).toContainText("Left of a full year");
    rows.push(...opened("start", await settled(page)));
    await page.goto(`${place.url}/customers`);
    await enter(page, bearer, true);
    await page.reload();
    await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
    await expect.poll(async () => (await watched(page)).listed).toBeGreaterThan(0);
    const before = await settled(page);
    rows.push(...opened("customers", before), {
      measure: "customers: first rows",
      value: before.listed,
      unit: "ms",
      goal: 1_500,
    });
    const list = await scrolled(browser, page);
    await expect(page.getByText(`${MANY.toLocaleString("en-US")} customers.`)).toHaveCount(1);
    rows.push({ measure: "customers scrolled through", value: MANY, unit: "count", goal: null });
    rows.push(...beside(list, await plain(browser)));
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
