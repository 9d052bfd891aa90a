import type { Page } from "@playwright/test";

/** Signs in with a token where a page asks for one. */
export async function enter(page: Page, token: string, keep = false): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  if (keep) await page.getByRole("checkbox", { name: /Keep it until this tab is closed/ }).check();
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Everywhere where a token could have been left, as text. */
export function left(page: Page): Promise<string> {
  return page.evaluate(() =>
    [
      document.documentElement.outerHTML,
      location.href,
      JSON.stringify(history.state),
      document.cookie,
      JSON.stringify({ ...localStorage }),
      JSON.stringify({ ...sessionStorage }),
      ...Array.from(performance.getEntries(), ({ name }) => name),
    ].join("\n"),
  );
}
