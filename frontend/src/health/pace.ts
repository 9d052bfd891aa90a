/** Use over a period as a picture: what was used by day, the sum, where it will end, and the quota. */
import type { Schemas } from "../api/client";

export interface Picture {
  /** The whole period, in days; fractions of one at its edges. */
  readonly days: number;
  /** What stands at the top of the picture, in units. */
  readonly most: number;
  /** What each day counted, from which day to which. */
  readonly bars: readonly { readonly from: number; readonly to: number; readonly units: number }[];
  /** The sum by the end of each day, beginning with nothing. */
  readonly sum: readonly (readonly [day: number, units: number])[];
  readonly end: { readonly mean: number; readonly low: number; readonly high: number } | null;
  readonly quota: number | null;
}

const DAY = 86_400_000;

/** Numbers to draw with; figures to read are the API's own. */
export function picture(
  period: Schemas["UsagePeriodOut"],
  meter: Schemas["MeterOut"],
  timeline: Schemas["Timeline"],
): Picture {
  const start = Date.parse(period.start);
  const at = (time: string) => (Date.parse(time) - start) / DAY;
  const now = at(timeline.as_of.at);
  const bars = timeline.data
    .filter((one) => one.meter === meter.name && at(one.from) < Math.max(now, 1e-6))
    .map((one) => ({ from: at(one.from), to: at(one.to), units: Number(one.value) }));
  let total = 0;
  const sum: [number, number][] = [[bars[0]?.from ?? 0, 0]];
  for (const bar of bars) {
    total += bar.units;
    sum.push([Math.min(bar.to, Math.max(now, bar.from)), total]);
  }
  const { projection } = meter;
  const end = projection
    ? {
        mean: Number(projection.units),
        low: Number(projection.likely.low),
        high: Number(projection.likely.high),
      }
    : null;
  const quota = meter.quota ? Number(meter.quota) : null;
  const most = Math.max(total, end?.high ?? 0, quota ?? 0, ...bars.map((bar) => bar.units)) * 1.05;
  return { days: at(period.end), most: most > 0 ? most : 1, bars, sum, end, quota };
}
