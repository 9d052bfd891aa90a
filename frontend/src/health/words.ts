/** What figures say in words, so that no colour and no symbol stands alone. */
import type { Schemas } from "../api/client";
import { count, dayBefore, figure, isManifold, money, percent, round, used } from "../lib/format";
import { meterName } from "../lib/price";

/** `–` where nothing is known. */
export const NOTHING = "–";

type Locales = string[] | undefined;

export function level(of: string, locales?: Locales): string | null {
  if (of === "soft") return `${percent("0.8", locales)} reached`;
  if (of === "hard") return `${percent("0.95", locales)} reached`;
  return null;
}

const STANDINGS: Record<string, string> = {
  healthy: "well",
  flagged: "flagged",
  insufficient_data: "too little known",
};

export function standing(of: string): string {
  return STANDINGS[of] ?? of;
}

export function health(score: string | null | undefined, locales?: Locales): string {
  return score ? figure(score, locales) : NOTHING;
}

export function highest(of: Schemas["HighestOut"] | null | undefined, locales?: Locales): string {
  if (!of) return "no quota";
  return `${meterName(of.meter)}${isManifold(of.ratio) ? "," : ""} ${used(of.ratio, locales)}`;
}

export function plan(of: Schemas["PlanVersionOut"] | null | undefined): string {
  return of ? of.key : "no plan";
}

/** The last day of a subscription, by the account's clocks: `Ends on 31 Dec 2026`. */
export function ends(at: string, now: string, timeZone: string, locales?: Locales): string {
  const said = dayBefore(at, locales, timeZone);
  return new Date(at) > new Date(now) ? `Ends on ${said}` : `Ended on ${said}`;
}

type Cost = {
  mean: Schemas["MoneyOnWire"];
  low: Schemas["MoneyOnWire"];
  high: Schemas["MoneyOnWire"];
};

export function cost(of: Cost | null | undefined, locales?: Locales): string {
  return of ? money(of.mean, locales) : NOTHING;
}

export function costRange(of: Cost | null | undefined, locales?: Locales): string {
  if (!of) return "too early to say";
  return `${round(of.low, locales)} to ${round(of.high, locales)}`;
}

/** How support kept its promise, and the promise. */
export function support(answers: Schemas["AnswersOut"], hours: number | null | undefined): string {
  const all = answers.met + answers.missed;
  const within = hours == null ? "" : ` in ${hours} h`;
  return all === 0 ? NOTHING : `${count(answers.met)} of ${count(all)}${within}`;
}

export function promise(answers: Schemas["AnswersOut"], hours: number | null | undefined): string {
  if (answers.met + answers.missed > 0) return `in ${answers.days} days`;
  return hours == null ? "nothing promised" : `${hours} h promised`;
}

/** How health went, for who cannot see the line. */
export function course(weeks: readonly (string | null)[], locales?: Locales): string {
  const known = weeks.filter((one) => one !== null);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return "no health known in twelve weeks";
  if (known.length === 1) return "known for a week";
  return `from ${figure(first, locales)} to ${figure(last, locales)} in ${known.length} weeks`;
}

const SHOWS: Record<string, string> = {
  "facts: go_live_date": "the day of going live, as stated",
  "facts: criteria": "the signs of success, as stated",
  "facts: departments, criteria": "the departments and signs of success, as stated",
  support_response_sla_hours: "how support answers",
  "usage: flagged": "health and quotas",
  "usage: meters": "use by meter",
};

/** Where a sign of success shows, rather than how the API calls that; null where a newer server says another. */
export function shows(measuredBy: string): string | null {
  return SHOWS[measuredBy] ?? null;
}
