import { expect, test } from "vitest";
import { marks, path, runs } from "./points";

test("a line is broken where nothing is known", () => {
  const line = runs([null, 0.5, 1, null, 0], 40, 20);
  expect(line).toEqual([
    [
      [10, 10],
      [20, 0],
    ],
    [[40, 20]],
  ]);
  expect(line.map(path)).toEqual(["M10.0 10.0L20.0 0.0", "M40.0 20.0"]);
  expect(marks(line)).toBe("M10.0 10.0L20.0 0.0M40.0 20.0h0.1");
});

test("nothing leaves the picture", () => {
  expect(runs([-1, 7], 10, 10)).toEqual([
    [
      [0, 10],
      [10, 0],
    ],
  ]);
  expect(runs([], 10, 10)).toEqual([]);
  expect(runs([3], 10, 10, 0)).toEqual([[[0, 10]]]);
});
