/** A link that opens the assumptions again. It has no name, no contact, nothing that anybody wrote. */
import { addDepartment, type Draft, empty, METERS } from "./draft";

const MARK = "#a=";
const PLAIN = [
  "/purpose",
  "/support_hours",
  "/voice_minutes",
  "/currency",
  ...METERS.map((meter) => `/usage/${meter}/base`),
];
/** The longest that a value in a link may be: numbers, words of choices. */
const LONGEST = 24;
const MOST = 50;

/** Whether a field is an assumption, and so may be in a link. */
export function isAssumption(at: string): boolean {
  if (PLAIN.includes(at)) return true;
  if (
    /^\/departments\/\d{1,2}\/(people|weeks_per_year|hours_per_week\/(low|base|high))$/.test(at)
  ) {
    return true;
  }
  return /^\/roi\/(burden|productive_hours|risk|years|discount|ramp\/\d|realisation\/(low|base|high)|(salary|one_off|run_cost|error_cost_avoided)\/amount)$/.test(
    at,
  );
}

/** Letters, digits and what numbers have: nothing that could be a name of somebody. */
function isValue(text: unknown): text is string {
  return (
    typeof text === "string" &&
    text.length <= LONGEST &&
    /^(-?[\d.,\s%]*|[A-Z]{3}|evaluation|production)$/.test(text)
  );
}

/** The fragment for a draft. */
export function fragment(draft: Draft): string {
  const values = Object.entries(draft.values).filter(
    ([at, text]) => isAssumption(at) && isValue(text),
  );
  const said = JSON.stringify({ n: draft.departments, v: Object.fromEntries(values) });
  const base64 = btoa(said).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${MARK}${base64}`;
}

/** The draft with the assumptions of a fragment; `null` where it is none of ours. */
export function opened(draft: Draft, hash: string): Draft | null {
  if (!hash.startsWith(MARK)) return null;
  const said = read(hash.slice(MARK.length));
  if (!said) return null;
  // The link says all that its maker assumed: what was assumed here is none of it.
  let next = assumed(draft, empty(""));
  while (next.departments < said.n) next = addDepartment(next);
  const values = { ...next.values, ...unassumed(draft) };
  for (const [at, text] of Object.entries(said.v)) {
    const index = /^\/departments\/(\d+)\//.exec(at)?.[1];
    const there = index === undefined || Number(index) < said.n;
    if (isAssumption(at) && isValue(text) && there) values[at] = text;
  }
  return { ...next, values, departments: said.n };
}

function unassumed({ values }: Draft): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([at]) => !isAssumption(at)));
}

/** A draft with the assumptions of another one. */
export function assumed(draft: Draft, of: Draft): Draft {
  const theirs = Object.entries(of.values).filter(([at]) => isAssumption(at));
  const values = { ...unassumed(draft), ...Object.fromEntries(theirs) };
  return { ...draft, values, departments: of.departments };
}

function read(text: string): { n: number; v: Record<string, unknown> } | null {
  try {
    const said: unknown = JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof said !== "object" || said === null || !("n" in said) || !("v" in said)) return null;
    const { n, v } = said;
    const counted = typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= MOST;
    if (!counted || typeof v !== "object" || v === null) return null;
    return { n, v: v as Record<string, unknown> };
  } catch {
    return null;
  }
}
