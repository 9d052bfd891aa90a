/** The business case in words and rows. Every figure is the server's. */
import type { Schemas } from "../api/client";
import { atLeast, quantity, round } from "../lib/format";
import { type Draft, value } from "./draft";
import { label, unit } from "./labels";
import { isAssumption } from "./link";
import { fields, STEPS } from "./steps";

type Roi = Schemas["RoiOut"];

export const ROI_WORDS = { breakEven: "Breaks even from" };

/** How much each person has to save for it to pay. */
export function breakEven({ break_even_hours }: Roi): string {
  return break_even_hours ? `${atLeast(break_even_hours)} h a week each` : "at no number of hours";
}

/** Months until the one-off cost is back, as a range; its longest first, as cautious comes first. */
export function months({ low, high }: Schemas["RangeOnWire_Option_String"]): string {
  if (!low && !high) return "not with these assumptions";
  if (low === "0" && high === "0") return "at once";
  if (!low || !high) return `after ${quantity(low ?? high ?? "")} months, or not at all`;
  if (low === high) return `after ${quantity(low)} months`;
  return `after ${quantity(high)} to ${quantity(low)} months`;
}

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly low: string;
  readonly base: string;
  readonly high: string;
  /** As people read it. */
  readonly shown: readonly [string, string, string];
}

function row(
  name: string,
  unit: string,
  range: { low: string; base: string; high: string },
  show: (text: string) => string,
): Row {
  return { name, unit, ...range, shown: [show(range.low), show(range.base), show(range.high)] };
}

function amounts(name: string, range: Schemas["RangeOnWire_MoneyOnWire"]): Row {
  const { currency } = range.base;
  const texts = { low: range.low.amount, base: range.base.amount, high: range.high.amount };
  return row(name, currency, texts, (amount) => round({ amount, currency }));
}

const some = (range: Schemas["RangeOnWire_Option_String"]) => ({
  low: range.low ?? "",
  base: range.base ?? "",
  high: range.high ?? "",
});

/** All that the server worked out, a line each. */
export function rows(roi: Roi): Row[] {
  const never = (word: string) => (text: string) => (text === "" ? word : quantity(text));
  return [
    row("Hours saved a year", "h", roi.hours, quantity),
    amounts("What they are worth, a full year", roi.benefit),
    amounts("Left after subscription and running", roi.annual_net),
    row("Paid back after", "months", some(roi.payback_months), never("never")),
    amounts("Benefits at today’s value", roi.present_benefit),
    amounts("Costs at today’s value", roi.present_cost),
    amounts("Gain at today’s value", roi.npv),
    row("Gained per cost", "", some(roi.roi), never("–")),
  ];
}

/** The case as a sheet: the assumptions as they were typed, then what follows from them. */
export function sheet(draft: Draft, plan: string | null, roi: Roi): string[][] {
  const assumed = STEPS.flatMap(({ key }) => fields(draft, key)).filter(
    (at) => isAssumption(at) && value(draft, at).trim() !== "",
  );
  return [
    ["section", "what", "unit", "cautious", "likely", "hopeful"],
    ...assumed.map((at) => [
      "assumption",
      label(draft, at),
      unit(draft, at),
      "",
      value(draft, at),
      "",
    ]),
    ["result", "Plan", "", "", plan ?? "none", ""],
    ["result", "What an hour costs", roi.hourly_rate.currency, "", roi.hourly_rate.amount, ""],
    ...rows(roi).map((one) => ["result", one.name, one.unit, one.low, one.base, one.high]),
    [
      "result",
      "Hours a week each to break even",
      "h",
      "",
      roi.break_even_hours ?? "none are enough",
      "",
    ],
  ];
}
