import { expect, test } from "vitest";
import type { Schemas } from "../api/client";
import { empty, put } from "./draft";
import { breakEven, months, rows, sheet } from "./roi";

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");
const money = (amount: string) => ({ amount, currency: "USD" });
const amounts = (low: string, base: string, high: string) => ({
  low: money(low),
  base: money(base),
  high: money(high),
});

const ROI: Schemas["RoiOut"] = {
  annual_net: amounts("-1200.50", "40000", "90000"),
  benefit: amounts("10000", "50000", "100000"),
  break_even_hours: "0.354333",
  hourly_rate: money("43.33"),
  hours: { low: "1656.123456", base: "2208", high: "2760" },
  npv: amounts("-30000", "60000", "200000"),
  payback_months: { low: null, base: "6.5", high: "3" },
  present_benefit: amounts("20000", "110000", "250000"),
  present_cost: amounts("50000", "50000", "50000"),
  roi: { low: "-0.6", base: "1.2", high: null },
};

test("payback is a range from its longest on, and where it is none, that", () => {
  const of = (low: string | null, base: string | null, high: string | null) =>
    months({ low, base, high });
  expect(of("12.5", "6", "3")).toBe("after 3 to 12.5 months");
  expect(of("1200", "6", "3")).toBe("after 3 to 1,200 months");
  expect(of("6", "6", "6")).toBe("after 6 months");
  expect(of(null, "6", "3")).toBe("after 3 months, or not at all");
  expect(of(null, null, null)).toBe("not with these assumptions");
  expect(of("0", "0", "0")).toBe("at once");
});

test("from how many hours it pays is never told as fewer", () => {
  expect(breakEven(ROI)).toBe("0.36 h a week each");
  expect(breakEven({ ...ROI, break_even_hours: null })).toBe("at no number of hours");
});

test("every figure has a line: all digits to calculate with, some to read", () => {
  const all = rows(ROI);
  const shown = Object.fromEntries(all.map((row) => [row.name, row.shown.map(plain)]));
  expect(shown).toEqual({
    "Hours saved a year": ["1,656.12", "2,208", "2,760"],
    "What they are worth, a full year": ["USD 10,000", "USD 50,000", "USD 100,000"],
    "Left after subscription and running": ["-USD 1,201", "USD 40,000", "USD 90,000"],
    "Paid back after": ["never", "6.5", "3"],
    "Benefits at today’s value": ["USD 20,000", "USD 110,000", "USD 250,000"],
    "Costs at today’s value": ["USD 50,000", "USD 50,000", "USD 50,000"],
    "Gain at today’s value": ["-USD 30,000", "USD 60,000", "USD 200,000"],
    "Gained per cost": ["-0.6", "1.2", "–"],
  });
  expect(all[0]).toMatchObject({ unit: "h", low: "1656.123456" });
});

test("a sheet has the assumptions as they were typed, then what follows, and nobody’s name", () => {
  let draft = put(empty("UTC"), "/roi/salary/amount", "77,000");
  draft = put(put(draft, "/contact/email", "ada@acme.example"), "/display_name", "Acme");
  const made = sheet(draft, "team", ROI);
  expect(made[0]).toEqual(["section", "what", "unit", "cautious", "likely", "hopeful"]);
  expect(made).toContainEqual(["assumption", "Salary a year", "USD", "", "77,000", ""]);
  expect(made).toContainEqual(["result", "Plan", "", "", "team", ""]);
  expect(made).toContainEqual([
    "result",
    "Gain at today’s value",
    "USD",
    "-30000",
    "60000",
    "200000",
  ]);
  expect(made).toContainEqual(["result", "Paid back after", "months", "", "6.5", "3"]);
  expect(made.at(-1)).toEqual([
    "result",
    "Hours a week each to break even",
    "h",
    "",
    "0.354333",
    "",
  ]);
  expect(made.flat()).not.toContain("Acme");
  expect(made.flat()).not.toContain("ada@acme.example");
  const without = sheet(draft, null, { ...ROI, break_even_hours: null });
  expect(without).toContainEqual(["result", "Plan", "", "", "none", ""]);
  expect(without.at(-1)).toContain("none are enough");
});
