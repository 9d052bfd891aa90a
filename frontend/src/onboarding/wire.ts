/** What the draft is as requests. */
import type { Schemas } from "../api/client";
import { type Draft, METERS, value, years } from "./draft";
import { plain, share, whole, yearly } from "./numbers";

type Intake = Schemas["IntakeIn"];
type Range = Schemas["RangeOnWire_String"];

/** Whole numbers that are missing or none, by pointer; the form cannot be sent with them. */
export class NotWhole extends Error {
  readonly at: readonly string[];
  constructor(at: readonly string[]) {
    super("some numbers are not whole");
    this.at = at;
  }
}

/** Reads whole numbers, and remembers which were none. */
class Wholes {
  readonly wrong: string[] = [];
  readonly #draft: Draft;
  constructor(draft: Draft) {
    this.#draft = draft;
  }
  read(at: string): number {
    const number = whole(value(this.#draft, at));
    if (number === null) this.wrong.push(at);
    return number ?? 0;
  }
  check(): void {
    if (this.wrong.length > 0) throw new NotWhole(this.wrong);
  }
}

function indices(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

function usage(draft: Draft): Record<string, { base: string }> {
  const given = METERS.map(
    (meter) => [meter, plain(value(draft, `/usage/${meter}/base`))] as const,
  );
  return Object.fromEntries(
    given.filter(([, base]) => base !== "").map(([m, base]) => [m, { base }]),
  );
}

/** What decides plan and profile. */
export function needs(draft: Draft): Schemas["NeedsIn"] {
  const wholes = new Wholes(draft);
  const support = value(draft, "/support_hours");
  const needs = {
    usage: usage(draft),
    support_hours: support === "" ? null : wholes.read("/support_hours"),
    currency: value(draft, "/currency"),
    purpose: purpose(draft),
    voice_minutes: voice(draft, wholes),
  };
  wholes.check();
  return needs;
}

function purpose(draft: Draft): Schemas["PurposeIn"] {
  return value(draft, "/purpose") === "evaluation" ? "evaluation" : "production";
}

function voice(draft: Draft, wholes: Wholes): number {
  return value(draft, "/voice_minutes").trim() === "" ? 0 : wholes.read("/voice_minutes");
}

function range(draft: Draft, at: string, read: (text: string) => string): Range {
  const one = (name: string) => read(value(draft, `${at}/${name}`));
  return { low: one("low"), base: one("base"), high: one("high") };
}

function department(draft: Draft, index: number, wholes: Wholes): Schemas["DepartmentIn"] {
  const at = `/departments/${index}`;
  return {
    people: wholes.read(`${at}/people`),
    hours_per_week: range(draft, `${at}/hours_per_week`, plain),
    weeks_per_year: wholes.read(`${at}/weeks_per_year`),
  };
}

function assumptions(draft: Draft, wholes: Wholes): Schemas["AssumptionsIn"] {
  const currency = value(draft, "/currency");
  const money = (name: string) => ({
    amount: plain(value(draft, `/roi/${name}/amount`)) || "0",
    currency,
  });
  return {
    salary: { amount: plain(value(draft, "/roi/salary/amount")), currency },
    burden: share(value(draft, "/roi/burden")),
    productive_hours: wholes.read("/roi/productive_hours"),
    realisation: range(draft, "/roi/realisation", share),
    risk: share(value(draft, "/roi/risk")),
    error_cost_avoided: money("error_cost_avoided"),
    run_cost: money("run_cost"),
    one_off: money("one_off"),
    discount: share(value(draft, "/roi/discount")),
    ramp: indices(years(draft)).map((year) => share(value(draft, `/roi/ramp/${year}`) || "100")),
    years: wholes.read("/roi/years"),
  };
}

/** The business case, with what a plan is expected to cost in a month as its subscription. */
export function businessCase(draft: Draft, monthly: Schemas["MoneyOnWire"]): Schemas["RoiIn"] {
  const wholes = new Wholes(draft);
  const roi = {
    ...assumptions(draft, wholes),
    departments: indices(draft.departments).map((index) => department(draft, index, wholes)),
    subscription: { amount: yearly(monthly.amount), currency: monthly.currency },
  };
  wholes.check();
  return roi;
}

function criterion(draft: Draft, index: number): Schemas["SuccessCriterionIn"] {
  const text = (name: string) => value(draft, `/success_criteria/${index}/${name}`).trim();
  const by = text("by");
  return by === "" ? { text: text("text") } : { text: text("text"), by };
}

/** The whole form. */
export function intake(draft: Draft): Intake {
  const wholes = new Wholes(draft);
  const text = (at: string) => value(draft, at).trim();
  const support = text("/support_hours");
  const form: Intake = {
    display_name: text("/display_name"),
    tenant: text("/tenant"),
    contact: { name: text("/contact/name"), email: text("/contact/email") },
    use_case: text("/use_case"),
    purpose: purpose(draft),
    go_live_date: text("/go_live_date"),
    success_criteria: indices(draft.signs).map((index) => criterion(draft, index)),
    departments: indices(draft.departments).map((index) => ({
      name: text(`/departments/${index}/name`),
      ...department(draft, index, wholes),
    })),
    usage: usage(draft),
    voice_minutes: voice(draft, wholes),
    support_hours: support === "" ? null : wholes.read("/support_hours"),
    currency: text("/currency"),
    time_zone: text("/time_zone"),
    anchor_day: wholes.read("/anchor_day"),
    roi: assumptions(draft, wholes),
  };
  wholes.check();
  return form;
}
