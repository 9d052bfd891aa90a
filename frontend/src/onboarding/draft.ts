/**
 * What somebody has typed so far. A value stands under the JSON pointer that it has in the request,
 * so that what the server says of a pointer is said beside its field.
 */
export interface Draft {
  readonly values: Readonly<Record<string, string>>;
  /** How many departments there are; their values count from 0. */
  readonly departments: number;
  /** How many signs of success there are. */
  readonly signs: number;
}

export const METERS = ["agents", "ingestion", "query", "timeline"] as const;
export const MOST_DEPARTMENTS = 50;
export const MOST_SIGNS = 20;

/** What a new department begins with. */
const DEPARTMENT: Readonly<Record<string, string>> = {
  name: "",
  people: "10",
  "hours_per_week/low": "1",
  "hours_per_week/base": "2",
  "hours_per_week/high": "3",
  weeks_per_year: "46",
};

const START: Readonly<Record<string, string>> = {
  "/purpose": "production",
  "/support_hours": "",
  "/voice_minutes": "0",
  "/currency": "USD",
  "/anchor_day": "1",
  "/roi/salary/amount": "60,000",
  "/roi/burden": "30",
  "/roi/productive_hours": "1,800",
  "/roi/realisation/low": "50",
  "/roi/realisation/base": "70",
  "/roi/realisation/high": "80",
  "/roi/risk": "15",
  "/roi/discount": "10",
  "/roi/years": "3",
  "/roi/ramp/0": "60",
  "/roi/ramp/1": "100",
  "/roi/ramp/2": "100",
  "/roi/error_cost_avoided/amount": "0",
  "/roi/run_cost/amount": "0",
  "/roi/one_off/amount": "0",
};

/** An empty form; the zone is the one of who fills it in. */
export function empty(zone: string): Draft {
  return addDepartment({ values: { ...START, "/time_zone": zone }, departments: 0, signs: 0 });
}

export function value(draft: Draft, at: string): string {
  return draft.values[at] ?? "";
}

export function put(draft: Draft, at: string, text: string): Draft {
  return { ...draft, values: { ...draft.values, [at]: text } };
}

export function addDepartment(draft: Draft): Draft {
  if (draft.departments >= MOST_DEPARTMENTS) return draft;
  const values = { ...draft.values };
  for (const [name, text] of Object.entries(DEPARTMENT)) {
    values[`/departments/${draft.departments}/${name}`] = text;
  }
  return { ...draft, values, departments: draft.departments + 1 };
}

export function removeDepartment(draft: Draft, index: number): Draft {
  if (draft.departments <= 1) return draft;
  const values = without(draft.values, "/departments", index, draft.departments);
  return { ...draft, values, departments: draft.departments - 1 };
}

export function addSign(draft: Draft): Draft {
  if (draft.signs >= MOST_SIGNS) return draft;
  return { ...draft, signs: draft.signs + 1 };
}

export function removeSign(draft: Draft, index: number): Draft {
  const values = without(draft.values, "/success_criteria", index, draft.signs);
  return { ...draft, values, signs: Math.max(0, draft.signs - 1) };
}

/** The values without one element of a list; those behind it move up. */
function without(
  values: Readonly<Record<string, string>>,
  list: string,
  index: number,
  length: number,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [at, text] of Object.entries(values)) {
    const found = at.startsWith(`${list}/`)
      ? /^(\d+)(\/.*)?$/.exec(at.slice(list.length + 1))
      : null;
    const place = found ? Number(found[1]) : -1;
    if (!found || place < index) kept[at] = text;
    else if (place > index && place < length) kept[`${list}/${place - 1}${found[2] ?? ""}`] = text;
  }
  return kept;
}

/** A name for the tenant that follows from the customer's; empty where nothing of it can be in one. */
export function suggestedTenant(name: string): string {
  const plain = name.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  const joined = plain.replaceAll(/[^a-z0-9]+/g, "-").slice(0, 40);
  return joined.replaceAll(/^-+|-+$/g, "");
}

/** Years of the ramp that the form shows: those that are looked ahead, as far as that is a number. */
export function years(draft: Draft): number {
  const years = Number(value(draft, "/roi/years"));
  return Number.isInteger(years) && years >= 1 && years <= 10 ? years : 0;
}
