import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { LARGEST, PICTURES, THEMES } from "./list";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const FILES = PICTURES.flatMap((name) => THEMES.map((theme) => `${name}-${theme}.webp`));

test("the pictures of the docs are those that the script makes, and small", () => {
  expect(readdirSync(`${DOCS}/pictures`).sort()).toEqual([...FILES].sort());
  for (const file of FILES) {
    expect(statSync(`${DOCS}/pictures/${file}`).size, file).toBeLessThan(LARGEST);
  }
});

test("each is shown, in both themes and with words for who cannot see it", () => {
  const page = readFileSync(`${DOCS}/ui.md`, "utf8");
  const shown = [...page.matchAll(/pictures\/([\w-]+\.webp)/g)].map(([, file]) => file);
  expect(shown.sort()).toEqual([...FILES].sort());
  const words = [...page.matchAll(/<img [^>]*alt="([^"]+)"/g)].map(([, alt]) => alt);
  expect(words).toHaveLength(PICTURES.length);
});
