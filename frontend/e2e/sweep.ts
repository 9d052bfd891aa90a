/** A page as different people have it before them. */
import type { Page } from "@playwright/test";
import { violations } from "./axe";
import { expect } from "./test";

const WIDTHS = [320, 768, 1280, 1920] as const;
const HEIGHT = 900;

/** How a page is looked at; each without violations and without scrolling sideways. */
interface Sight {
  readonly name: string;
  readonly width: number;
  readonly take: (page: Page) => Promise<void>;
}

const sized = (width: number) => (page: Page) => page.setViewportSize({ width, height: HEIGHT });

/** As a browser does it at 200 %: half as many pixels of the page, each twice as large. */
async function zoomed(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1280, height: HEIGHT });
  const browser = await page.context().newCDPSession(page);
  const metrics = { width: 640, height: HEIGHT / 2, deviceScaleFactor: 2, mobile: false };
  await browser.send("Emulation.setDeviceMetricsOverride", metrics);
}

/** For who has set text to be twice as large, and nothing else. */
async function large(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1280, height: HEIGHT });
  const browser = await page.context().newCDPSession(page);
  await browser.send("Page.setFontSizes", { fontSizes: { standard: 32, fixed: 26 } });
}

async function usual(page: Page): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  await browser.send("Page.setFontSizes", { fontSizes: { standard: 16, fixed: 13 } });
}

const SIGHTS: readonly Sight[] = [
  ...WIDTHS.map((width) => ({ name: `${width} px`, width, take: sized(width) })),
  { name: "zoomed to 200 %", width: 640, take: zoomed },
  { name: "text at 200 %", width: 1280, take: large },
];

/** In light everything is asked of a page, in dark only what another theme can change. */
async function sound(page: Page, where: string): Promise<void> {
  for (const [colorScheme, what] of [
    ["light", "all"],
    ["dark", "colours"],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page, what), `${where}, ${colorScheme}`).toEqual([]);
  }
}

/** What would still move, though somebody asked that nothing does. */
function moving(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const longer = (times: string) => times.split(",").some((time) => Number.parseFloat(time) > 0);
    return Array.from(document.querySelectorAll("*"))
      .filter((one) => {
        const { animationDuration, transitionDuration } = getComputedStyle(one);
        return longer(animationDuration) || longer(transitionDuration);
      })
      .map((one) => `${one.tagName} ${one.className}`);
  });
}

/** Widths, themes, zoom, large text, forced colours, and nothing that moves where nobody wants it. */
export async function swept(page: Page): Promise<void> {
  for (const { name, width, take } of SIGHTS) {
    await take(page);
    await sound(page, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, name).toBeLessThanOrEqual(width);
  }
  await usual(page);
  await page.setViewportSize({ width: 1280, height: HEIGHT });
  await page.emulateMedia({ forcedColors: "active" });
  await sound(page, "forced colours");
  await page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: "reduce" });
  expect(await moving(page), "reduced motion").toEqual([]);
  await page.emulateMedia({ reducedMotion: null });
}
