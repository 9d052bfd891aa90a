/** Which customers are listed, and in which order: as the address says, so that it can be sent on. */

export const SORTS = ["health", "account", "ratio", "projected_cost", "support"] as const;
export type Sort = (typeof SORTS)[number];
export const LEVELS = ["ok", "soft", "hard"] as const;
export type Level = (typeof LEVELS)[number];

export interface View {
  readonly sort: Sort;
  readonly descending: boolean;
  readonly flagged: boolean | null;
  readonly level: Level | null;
  readonly plan: string | null;
  /** How the name or id begins. */
  readonly name: string | null;
}

/** The worst first. */
export const USUAL: View = {
  sort: "health",
  descending: false,
  flagged: null,
  level: null,
  plan: null,
  name: null,
};

/** What an address asks for; what it cannot mean is as usual. */
export function read(search: string): View {
  const given = new URLSearchParams(search);
  const [name = "", direction] = (given.get("sort") ?? "").split(" ");
  const sort = SORTS.find((one) => one === name);
  const flagged = given.get("flagged");
  const plan = given.get("plan") ?? "";
  return {
    sort: sort ?? USUAL.sort,
    descending: sort !== undefined && direction === "desc",
    flagged: flagged === "true" ? true : flagged === "false" ? false : null,
    level: LEVELS.find((one) => one === given.get("level")) ?? null,
    plan: /^[a-z0-9-]{1,63}$/.test(plan) ? plan : null,
    name: searched(given.get("name") ?? ""),
  };
}

/** What can be searched for: one line, as long as a name may be. Null for nothing. */
export function searched(text: string): string | null {
  const line = text
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 100);
  return line === "" ? null : line;
}

/** What follows `?` in an address that asks for this; empty for what is usual. */
export function write(view: View): string {
  const out = new URLSearchParams();
  if (view.sort !== USUAL.sort || view.descending !== USUAL.descending) {
    out.set("sort", view.descending ? `${view.sort} desc` : view.sort);
  }
  if (view.flagged !== null) out.set("flagged", String(view.flagged));
  if (view.level !== null) out.set("level", view.level);
  if (view.plan !== null) out.set("plan", view.plan);
  if (view.name !== null) out.set("name", view.name);
  return out.toString();
}

/** The order after somebody chose a column: the other way round when it was this one already. */
export function turn(view: View, sort: Sort): View {
  if (view.sort === sort) return { ...view, descending: !view.descending };
  // Of use and cost the largest is looked for, of health and names the first.
  return { ...view, sort, descending: sort === "ratio" || sort === "projected_cost" };
}

export function isFiltered(view: View): boolean {
  const { flagged, level, plan, name } = view;
  return [flagged, level, plan, name].some((one) => one !== null);
}
