import type { Page } from "@playwright/test";

/** Signs in with a token where a page asks for one. */
export async function enter(page: Page, token: string, keep = false): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  if (keep) await page.getByRole("checkbox", { name: /Keep it until this tab is closed/ }).check();
  await page.getByRole("button", { name: "Sign in" }).click();
}
