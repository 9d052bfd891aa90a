import type { Locator, Page } from "@playwright/test";
import { expect } from "./test";

/** As many stops as no page has. */
const MOST = 400;

/** Moves on by keyboard alone, until something has the focus. */
export async function reach(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted).toBeVisible();
  for (let steps = 0; steps < MOST; steps += 1) {
    if (await wanted.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the keyboard does not reach ${wanted}`);
}
