import { test as base, expect, type Page } from "@playwright/test";
import { violations } from "./axe";
import { type Place, url } from "./server";

/** What a page did that none may do. */
interface Watched {
  /** Requests to any other host. */
  readonly abroad: string[];
  /** Complaints of the browser: errors, and what the page's policy refused. */
  readonly complaints: string[];
}

/**
 * Every test's page is watched: no request to another host, no error, nothing that the policy
 * refuses. A test that means to fail a request says so by `expected`.
 */
export const test = base.extend<{
  watched: Watched;
  expected: RegExp | null;
  place: Place | null;
}>({
  // Tests that need a server of their own say so by `place`.
  place: [null, { option: true }],
  baseURL: async ({ place }, use) => use(place?.url ?? url()),
  expected: [null, { option: true }],
  watched: [
    async ({ page, expected, baseURL }, use) => {
      const watched: Watched = { abroad: [], complaints: [] };
      page.on("request", (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== baseURL && protocol !== "blob:") watched.abroad.push(request.url());
      });
      page.on("pageerror", (error) => watched.complaints.push(String(error)));
      page.on("console", (message) => {
        const bad = ["error", "warning"].includes(message.type());
        if (bad && !expected?.test(message.text())) {
          watched.complaints.push(message.text());
        }
      });
      await use(watched);
      expect(watched.abroad, "requests to other hosts").toEqual([]);
      expect(watched.complaints, "complaints of the browser").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** No violation that axe knows, and no scrolling sideways, in both themes, on a phone and a desk. */
export async function accessible(page: Page, widths = [320, 1280]): Promise<void> {
  const before = page.viewportSize();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const said = await violations(page);
      expect(said, `${width} px, ${colorScheme}`).toEqual([]);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${width} px`).toBeLessThanOrEqual(width);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}
