import { expect, type Page } from "@playwright/test";

/** What somebody may write as their name: as markup it would run. */
export const PAYLOAD = "<img src=x onerror=window.ran=1>";

/** Nothing of what was written became a part of the page, or ran. */
export async function inert(page: Page): Promise<void> {
  expect(await page.locator("main :is(img, script, iframe, [onerror], [onload])").count()).toBe(0);
  expect(await page.evaluate(() => "ran" in window)).toBe(false);
}
