/** Which requests are listed, as the address says it. */
export const FILTERS = [
  { key: "waiting", name: "Waiting", status: "awaiting_approval" },
  { key: "approved", name: "Approved", status: "approved" },
  { key: "rejected", name: "Turned down", status: "rejected" },
  { key: "withdrawn", name: "Withdrawn", status: "withdrawn" },
  { key: "all", name: "All", status: null },
] as const;

export type FilterKey = (typeof FILTERS)[number]["key"];

/** The filter of an address; those that wait where it says none. */
export function filterOf(search: string): FilterKey {
  const given = new URLSearchParams(search).get("show");
  return FILTERS.find(({ key }) => key === given)?.key ?? "waiting";
}

/** The id at the end of a request's path. */
export function idOf(follow: string): string {
  return follow.slice(follow.lastIndexOf("/") + 1);
}
