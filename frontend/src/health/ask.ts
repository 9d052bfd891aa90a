/** What the pages of customers ask the API for, with the token of who is signed in. */
import { staff } from "../access/client";
import { answer, type Schemas } from "../api/client";
import { after } from "../lib/cursor";
import type { View } from "./view";

export type Usage = Schemas["UsageOut"];
export type Call = Schemas["Call"];

/** Calls and rows that are asked for at a time. */
const CALLS = 8;
const ROWS = 200;

/** Whom to call, the worst first. */
export function triage(next: string | null, signal: AbortSignal): Promise<Schemas["Triage"]> {
  const query = { "page[size]": CALLS, ...after(next) };
  return answer(staff.GET("/billing/usage/triage", { params: { query }, signal }));
}

/** A page of everyone, in the server's order. */
export function everyone(
  view: View,
  next: string | null,
  signal: AbortSignal,
): Promise<Schemas["Usages"]> {
  const query = {
    sort: `${view.sort} ${view.descending ? "desc" : "asc"}`,
    "page[size]": ROWS,
    ...(view.flagged === null ? {} : { "filter[flagged][eq]": view.flagged }),
    ...(view.level === null ? {} : { "filter[level][eq]": view.level }),
    ...(view.plan === null ? {} : { "filter[plan][eq]": view.plan }),
    ...(view.name === null ? {} : { "filter[name][starts]": view.name }),
    ...after(next),
  };
  return answer(staff.GET("/billing/usage", { params: { query }, signal }));
}
