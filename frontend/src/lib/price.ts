import type { Schemas } from "../api/client";
import { exact, money, price } from "./format";

type Plan = Schemas["Plan"];
type Meter = Schemas["PlanMeter"];

/** What the meters count, for people. */
const NAMES: Record<string, string> = {
  agents: "Agent runs",
  ingestion: "Data taken in",
  query: "Queries",
  timeline: "Timeline entries",
};

/** A meter's name for people; one that is not known keeps its own. */
export function meterName(name: string): string {
  return NAMES[name] ?? name;
}

/** Whether a meter can be on a bill: sign-ups are counted, and no plan has a price for them. */
export function isBilled(name: string): boolean {
  return name !== "signup";
}

/** What units beyond the included ones cost, in words. */
export function beyond(meter: Meter, currency: string): string {
  const { price: of, unit } = meter;
  const each = (amount: string) => price({ amount, currency });
  const tiers = (all: Schemas["PlanTier"][]) =>
    all
      .map((tier) =>
        tier.up_to ? `${each(tier.price)} up to ${exact(tier.up_to)}` : `${each(tier.price)} above`,
      )
      .join(", ");
  switch (of.kind) {
    case "flat":
      return `${each(of.price)} per ${one(unit)}`;
    case "package":
      return `${each(of.price)} per ${exact(of.size)} ${unit} begun`;
    case "graduated":
      return `${tiers(of.tiers)}, each unit by its tier`;
    case "volume":
      return `${tiers(of.tiers)}, all units by the tier reached`;
  }
}

/** `requests` as one of them; a symbol stays as it is. */
function one(unit: string): string {
  if (unit === "entries") return "entry";
  return unit.endsWith("s") ? unit.slice(0, -1) : unit;
}

/** What bounds a meter's line, in words; nothing where nothing does. */
export function bounds(meter: Meter): string | null {
  const said = [
    meter.minimum ? `at least ${money(meter.minimum)}` : null,
    meter.maximum ? `at most ${money(meter.maximum)}` : null,
  ].filter((part) => part !== null);
  return said.length > 0 ? said.join(", ") : null;
}

/** The names of all meters that any of the plans has, in the order in which they first come. */
export function meters(plans: readonly Plan[]): string[] {
  return [...new Set(plans.flatMap((plan) => plan.meters.map((meter) => meter.name)))];
}

export function find(plan: Plan, name: string): Meter | undefined {
  return plan.meters.find((meter) => meter.name === name);
}
