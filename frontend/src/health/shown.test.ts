import { expect, test } from "vitest";
import { shown } from "./shown";

test("whatever is in sight is in the page, with few rows around it", () => {
  for (let scrolled = -2000; scrolled < 530_000; scrolled += 7_919) {
    const { from, to } = shown(-scrolled, 900, 53, 10_000);
    const first = Math.max(0, Math.floor(scrolled / 53));
    const last = Math.min(10_000, Math.ceil((scrolled + 900) / 53));
    if (last > first) {
      expect(from).toBeLessThanOrEqual(first);
      expect(to).toBeGreaterThanOrEqual(last);
    }
    expect(to - from).toBeLessThan(60);
  }
});

test("nothing is beyond the ends", () => {
  expect(shown(0, 900, 53, 3)).toEqual({ from: 0, to: 3 });
  expect(shown(-1e6, 900, 53, 3)).toMatchObject({ to: 3 });
  expect(shown(0, 900, 53, 0)).toEqual({ from: 0, to: 0 });
  expect(shown(0, 900, 0, 500)).toEqual({ from: 0, to: 40 });
});
