/**
 * Takes the pictures of docs/ui.md from the real pages on real servers. Days and figures are those
 * of the day on which they are taken, so that no two runs make the same bytes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Locator, Page } from "@playwright/test";
import { asked } from "../e2e/desk";
import { type Fleet, test as fleetTest } from "../e2e/fleet";
import { fill, go, send } from "../e2e/form";
import { type Place, token } from "../e2e/server";
import { enter } from "../e2e/staff";
import { expect } from "../e2e/test";
import { test as base, type World } from "../e2e/world";
import { LARGEST, type Picture, THEMES } from "./list";

const FOLDER = fileURLToPath(new URL("../../docs/pictures", import.meta.url));

interface Shot {
  readonly size: readonly [width: number, height: number];
  readonly at: keyof World;
  /** Brings the page there; what has to be in sight, at the top where it is further down. */
  readonly reach: (page: Page, place: Place) => Promise<Locator | null>;
}

const test = base.extend<{ at: keyof World }>({
  at: ["inhabited", { option: true }],
  place: async ({ at, world }, use) => use(await world[at]()),
});

async function enters(page: Page, place: Place, path: string): Promise<void> {
  await page.goto(path);
  await enter(page, token("billing:read onboarding:approve", { place }), true);
}

async function everyone(page: Page, place: Place): Promise<null> {
  await enters(page, place, "/customers");
  await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
  await expect(
    page.getByRole("region", { name: "Whom to call" }).getByRole("listitem"),
  ).not.toHaveCount(0);
  return null;
}

async function filled(page: Page): Promise<void> {
  await fill(page, "acme-legal");
  await go(page, "The work", "What will it do, and how much?");
  await page.getByLabel("Agent runs a month").fill("60,000");
  await go(page, "The saving", "What does it save?");
  await page.getByLabel("Costs once").fill("12,000");
  const answer = page.getByRole("complementary", { name: "The answer so far" });
  await expect(answer).toContainText(/after .* months/);
}

/** A tenant with an account that is called like it. */
function tenant(name: string): object {
  const displayName = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  return {
    apiVersion: "tenantry.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name },
    spec: { displayName, accountId: name, profileRef: { name: "dev" } },
  };
}

/** Beside a cluster; one after the other, on the same. */
const FLEET = {
  stacks: {
    size: [1280, 620],
    reach: async (page: Page, fleet: Fleet) => {
      fleet.profile();
      for (const name of ["acme", "globex", "initech"]) fleet.apply(tenant(name));
      await page.goto("/stacks");
      await enter(page, token("billing:read"), true);
      await expect(page.getByText("has reached everybody: 3 of 3 tenants there.")).toBeVisible();
      return null;
    },
  },
  stack: {
    size: [1280, 560],
    reach: async (page: Page, fleet: Fleet) => {
      await page.goto("/customers/initech");
      await enter(page, token("billing:read"), true);
      const stack = page.getByRole("region", { name: "Stack and hand-off" });
      await expect(stack).toContainText("initech: All of it runs.");
      const pods = fleet.kubectl("get", "pods", "-n", "tenant-initech", "-o", "name");
      const pod = pods.split("\n").find((one) => one.startsWith("pod/core-")) ?? "";
      const fail = "ground.tenantry.dev/fail=crash";
      fleet.kubectl("annotate", "-n", "tenant-initech", pod, fail);
      await expect(stack.getByRole("table")).toContainText("CrashLoopBackOff");
      return stack;
    },
  },
} as const;

const SHOTS: Record<Exclude<Picture, keyof typeof FLEET>, Shot> = {
  plans: {
    size: [1280, 820],
    at: "empty",
    reach: async (page) => {
      await page.goto("/");
      await expect(page.getByRole("table")).toBeVisible();
      return null;
    },
  },
  start: {
    size: [1280, 900],
    at: "empty",
    reach: async (page) => {
      await filled(page);
      return page.getByRole("banner");
    },
  },
  review: {
    size: [1280, 900],
    at: "empty",
    reach: async (page) => {
      await filled(page);
      await go(page, "Review", "Read it once more");
      const table = page.getByRole("table", { name: "The plans, with your use" });
      await expect(table).toContainText("fits best");
      return table;
    },
  },
  request: {
    size: [1280, 820],
    at: "empty",
    reach: async (page) => {
      await filled(page);
      await go(page, "Review", "Read it once more");
      await send(page);
      await expect(page.getByText("Customer success reads it")).toBeVisible();
      return null;
    },
  },
  customers: { size: [1280, 900], at: "inhabited", reach: everyone },
  "customers-phone": { size: [390, 844], at: "inhabited", reach: everyone },
  customer: {
    size: [1280, 1500],
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/acme");
      await expect(page.getByRole("img", { name: /projected to end at/ })).toBeVisible();
      return null;
    },
  },
  bill: {
    size: [1280, 620],
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/initech");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      await page.getByRole("button", { name: "Its 1 row of Data taken in" }).click();
      await expect(page.getByText("from /core, named ingestion-0")).toBeVisible();
      return page.getByRole("heading", { name: "Cost" });
    },
  },
  approval: {
    size: [1280, 1200],
    at: "inhabited",
    reach: async (page, place) => {
      const id = await asked(page.request, "stark");
      await enters(page, place, `/approvals/${id}`);
      await expect(page.getByRole("region", { name: "Whether it pays" })).toBeVisible();
      return null;
    },
  },
  brief: {
    size: [1280, 1180],
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex/brief");
      const pays = page.getByRole("region", { name: "Business case" });
      await expect(pays).toBeVisible();
      return pays;
    },
  },
};

async function taken(page: Page): Promise<Buffer> {
  const browser = await page.context().newCDPSession(page);
  const shot = { format: "webp", quality: 60 } as const;
  const { data } = await browser.send("Page.captureScreenshot", shot);
  return Buffer.from(data, "base64");
}

/** The page as it is now, in both themes, from where `top` begins. */
async function take(page: Page, name: Picture, top: Locator | null): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  if (top) await top.evaluate((one) => one.scrollIntoView({ block: "start" }));
  mkdirSync(FOLDER, { recursive: true });
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const picture = await taken(page);
    expect(picture.length, `${name}, ${colorScheme}`).toBeLessThan(LARGEST);
    writeFileSync(`${FOLDER}/${name}-${colorScheme}.webp`, picture);
  }
}

fleetTest.describe("beside a cluster", () => {
  for (const name of ["stacks", "stack"] as const) {
    fleetTest(name, async ({ page, fleet }) => {
      const { size, reach } = FLEET[name];
      await page.setViewportSize({ width: size[0], height: size[1] });
      await take(page, name, await reach(page, fleet));
    });
  }
});

for (const [name, { size, at, reach }] of Object.entries(SHOTS) as [Picture, Shot][]) {
  test.describe(name, () => {
    const [width, height] = size;
    test.use({ at, viewport: { width, height } });

    test("is taken", async ({ page, place }) => {
      if (!place) throw new Error("no server");
      await take(page, name, await reach(page, place));
    });
  });
}
