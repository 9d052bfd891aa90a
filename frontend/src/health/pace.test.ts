import { expect, test } from "vitest";
import { picture } from "./pace";

const period = {
  start: "2026-11-01T00:00:00Z",
  end: "2026-12-01T00:00:00Z",
  time_zone: "UTC",
  final_at: null,
};
const meter = {
  name: "agents",
  unit: "runs",
  used: "30",
  quota: "100",
  ratio: "0.30",
  level: "ok",
  projection: {
    units: "120",
    likely: { low: "90", high: "150" },
    nearly_certain: { low: "80", high: "170" },
    linear: "118",
    per_day: "4",
    exhausted_on: "2026-11-25",
  },
};
const use = (day: number, value: string, name = "agents") => ({
  meter: name,
  unit: "runs",
  from: `2026-11-0${day}T00:00:00Z`,
  to: `2026-11-0${day + 1}T00:00:00Z`,
  value,
  rows: 1,
});
const timeline = {
  account: "acme",
  time_zone: "UTC",
  granularity: "P1D",
  from: period.start,
  to: "2026-11-05T00:00:00Z",
  as_of: { row: 3, at: "2026-11-03T12:00:00Z" },
  data: [use(1, "10"), use(1, "999", "query"), use(2, "25"), use(3, "-5"), use(4, "0")],
};

test("days are summed up to now, and no further", () => {
  const drawn = picture(period, meter, timeline);
  expect(drawn.days).toBe(30);
  expect(drawn.bars.map((bar) => bar.units)).toEqual([10, 25, -5]);
  expect(drawn.sum).toEqual([
    [0, 0],
    [1, 10],
    [2, 35],
    [2.5, 30],
  ]);
  expect(drawn.end).toEqual({ mean: 120, low: 90, high: 150 });
  expect(drawn.most).toBeCloseTo(157.5);
});

test("without use, quota or projection there is still a picture", () => {
  const bare = { ...meter, quota: null, projection: null };
  const drawn = picture(period, bare, { ...timeline, data: [] });
  expect(drawn).toMatchObject({ bars: [], end: null, quota: null, most: 1, sum: [[0, 0]] });
});
