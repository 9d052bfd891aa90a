import { expect, test } from "vitest";
import { ages } from "./ages";

const figures = (at: string, valid_until: string, behind = 0, stale = false) => ({
  as_of: { at, valid_until, row: 1, behind, stale, formula_version: 2 },
});
const now = Date.parse("2026-11-23T12:00:00.5Z");

test("the oldest and the newest are told, also within a second", () => {
  const all = [
    figures("2026-11-23T11:59:00.25Z", "2026-11-23T12:14:00Z"),
    figures("2026-11-23T11:59:00Z", "2026-11-23T12:14:00Z"),
    figures("2026-11-23T11:50:00Z", "2026-11-23T12:05:00Z"),
  ];
  expect(ages([all], now)).toEqual({
    from: "2026-11-23T11:50:00Z",
    to: "2026-11-23T11:59:00.25Z",
    moved: 0,
    late: 0,
  });
});

test("what moved since and what is past its time is counted, each for itself", () => {
  const all = [
    figures("2026-11-23T11:59:00Z", "2026-11-23T12:14:00Z", 3),
    figures("2026-11-23T11:59:00Z", "2026-11-23T12:14:00Z", 0, true),
    figures("2026-11-23T11:45:00Z", "2026-11-23T12:00:00.25Z", 1),
    figures("2026-11-23T11:45:00Z", "2026-11-23T12:00:00.75Z"),
  ];
  expect(ages([all], now)).toMatchObject({ moved: 3, late: 1 });
});

test("lists that came one after the other are of one age, each piece as it was read", () => {
  const early = [figures("2026-11-23T11:50:00Z", "2026-11-23T12:05:00Z", 1)];
  const late = [figures("2026-11-23T11:40:00Z", "2026-11-23T11:55:00Z")];
  expect(ages([early], now)).toMatchObject({ moved: 1, late: 0 });
  expect(ages([early, [], late], now)).toEqual({
    from: "2026-11-23T11:40:00Z",
    to: "2026-11-23T11:50:00Z",
    moved: 1,
    late: 1,
  });
  expect(ages([early], now + 600_000)).toMatchObject({ late: 1 });
});

test("without figures there is no age", () => {
  expect(ages([[], []], now)).toBeNull();
});
