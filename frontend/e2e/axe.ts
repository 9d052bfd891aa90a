/** Asks axe what it knows to be wrong with a page, its program put there once. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";

const local = createRequire(import.meta.url);
// Playwright's binding brings it; it is no dependency of ours beside that.
const SOURCE = readFileSync(
  createRequire(local.resolve("@axe-core/playwright")).resolve("axe-core/axe.min.js"),
  "utf8",
);

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

interface Axe {
  run(
    about: Document,
    options: object,
  ): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}

/** What of a page depends on its colours. */
const COLOURS = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
const ALL = { type: "tag", values: RULES };

/** Every violation of WCAG 2.2 AA and of good practice, with where it is; or those of colours alone. */
export async function violations(page: Page, what: "all" | "colours" = "all"): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(SOURCE);
  return page.evaluate(
    async (runOnly) => {
      const { axe } = window as unknown as { axe: Axe };
      const found = await axe.run(document, { runOnly, resultTypes: ["violations"] });
      return found.violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`,
      );
    },
    what === "all" ? ALL : COLOURS,
  );
}
