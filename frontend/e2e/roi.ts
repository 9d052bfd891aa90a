/** A business case on a page, held against what the API answers: figure by figure. */
import type { Locator } from "@playwright/test";
import type { components } from "../src/api/schema";
import { expect } from "./test";

type Schemas = components["schemas"];
type Answered = {
  readonly roi: Schemas["RoiOut"] | null;
  readonly assumptions: Schemas["AssumptionsOut"];
};

const money = (places: number) => (of: Schemas["MoneyOnWire"]) =>
  new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: of.currency,
    currencyDisplay: "code",
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  }).format(Number(of.amount));

const number = (text: string | null | undefined, places: number) =>
  text == null
    ? "never"
    : new Intl.NumberFormat("en-US", { maximumFractionDigits: places }).format(Number(text));

const percent = (text: string) => `${number(String(Number(text) * 100), 2)}%`;

const ESTIMATES = ["low", "base", "high"] as const;

/** Each line of the table: its name and what stands there for the three estimates. */
function lines(roi: Schemas["RoiOut"]): [name: string, shown: string[]][] {
  const amounts = (of: Schemas["RangeOnWire_MoneyOnWire"]) =>
    ESTIMATES.map((one) => money(0)(of[one]));
  const texts = (of: Record<"low" | "base" | "high", string | null>, places: number) =>
    ESTIMATES.map((one) => number(of[one], places));
  return [
    ["Hours saved a year, h", texts(roi.hours, 2)],
    ["What they are worth, a full year", amounts(roi.benefit)],
    ["Left after subscription and running", amounts(roi.annual_net)],
    ["Paid back after, months", texts(roi.payback_months, 2)],
    ["Benefits at today’s value", amounts(roi.present_benefit)],
    ["Costs at today’s value", amounts(roi.present_cost)],
    ["Gain at today’s value", amounts(roi.npv)],
    ["Gained per cost", texts(roi.roi, 2)],
  ];
}

/** Every figure of the case and every assumption stands there as the API has it, and no other. */
export async function shown(within: Locator, { roi, assumptions }: Answered): Promise<void> {
  if (!roi) throw new Error("there is no business case");
  const table = within.getByRole("table", { name: "The business case, by estimate" });
  const all = lines(roi);
  await expect(table.getByRole("rowheader")).toHaveText(all.map(([name]) => name));
  for (const [name, figures] of all) {
    const header = within.page().getByRole("rowheader", { name, exact: true });
    const row = table.getByRole("row").filter({ has: header });
    await expect(row.getByRole("cell"), name).toHaveText(figures);
  }
  const { low, base, high } = roi.annual_net;
  const [cautious, likely, hopeful] = [low, base, high].map(money(0));
  await expect(within).toContainText(`Left of a full year: ${likely} (${cautious} to ${hopeful})`);
  const { realisation } = assumptions;
  const assumed: [name: string, shown: string][] = [
    ["Salary a year", money(2)(assumptions.salary)],
    ["On top of the salary", percent(assumptions.burden)],
    ["Hours that one works a year", number(String(assumptions.productive_hours), 0)],
    [
      "Saved time that becomes other work",
      `${percent(realisation.base)} (${percent(realisation.low)} to ${percent(realisation.high)})`,
    ],
    ["Written off as too hopeful", percent(assumptions.risk)],
    [
      "Of the benefit in the first years",
      assumptions.ramp.length === 0 ? "all of it" : assumptions.ramp.map(percent).join(", "),
    ],
    ["Errors avoided a year", money(2)(assumptions.error_cost_avoided)],
    ["Costs a year to run", money(2)(assumptions.run_cost)],
    ["Costs once", money(2)(assumptions.one_off)],
    ["Discount rate", percent(assumptions.discount)],
    ["Years looked ahead", String(assumptions.years)],
  ];
  if (assumptions.subscription) {
    assumed.push(["Subscription a year", money(2)(assumptions.subscription)]);
  }
  for (const [name, value] of assumed) {
    const fact = within.locator("dl.facts > div").filter({ hasText: name });
    await expect(fact.locator("dd"), name).toHaveText(value);
  }
}
