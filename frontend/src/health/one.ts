/** What the page of one customer asks the API for. */
import { staff } from "../access/client";
import { answer, type Schemas } from "../api/client";
import { after } from "../lib/cursor";

/** Where a route has other media types too, what it answers as JSON. */
type Json<T> = Promise<{ data?: T; error?: unknown; response: Response }>;
const headers = { Accept: "application/json" };

export type Account = Schemas["AccountUsage"];
export type Meter = Schemas["MeterOut"];

export function account(id: string, signal: AbortSignal): Promise<Account> {
  const params = { path: { account: id } };
  return answer(staff.GET("/billing/usage/{account}", { params, signal }));
}

/** Use by day, of one meter, from the start of a period on. */
export function daily(
  id: string,
  meter: string,
  from: string,
  signal: AbortSignal,
): Promise<Schemas["Timeline"]> {
  const params = { path: { account: id }, query: { from, meter, granularity: "P1D" } };
  const asked = staff.GET("/billing/usage/{account}/timeline", { params, headers, signal });
  return answer(asked as Json<Schemas["Timeline"]>);
}

/** A page of an account's alerts, the newest first; from the first one on without a cursor. */
export function alerts(
  id: string,
  next: string | null,
  signal: AbortSignal,
): Promise<Schemas["Alerts"]> {
  const query = { sort: "at desc", "page[size]": 20, ...after(next) };
  const params = { path: { account: id }, query };
  return answer(staff.GET("/billing/usage/{account}/alerts", { params, signal }));
}

/** What of an account runs in the cluster. */
export function stacks(id: string, signal: AbortSignal): Promise<Schemas["AccountStacks"]> {
  const params = { path: { account: id } };
  return answer(staff.GET("/accounts/{account}/stacks", { params, signal }));
}

export function explain(id: string, signal: AbortSignal): Promise<Schemas["Explained"]> {
  const params = { path: { account: id } };
  return answer(staff.GET("/billing/usage/{account}/explain", { params, signal }));
}

/** A page of the events that an address of the API names, as a bill does for each of its lines. */
export function events(address: string, signal: AbortSignal): Promise<Schemas["Events"]> {
  const at = new URL(address, window.location.origin);
  const id = decodeURIComponent(at.pathname.split("/")[3] ?? "");
  const query = { "page[size]": 50, ...Object.fromEntries(at.searchParams) };
  const params = { path: { account: id }, query };
  return answer(staff.GET("/billing/usage/{account}/events", { params, signal }));
}

/** The id in where a request is. */
export function idOf(request: string): string {
  return request.slice(request.lastIndexOf("/") + 1);
}

export function request(id: string, signal: AbortSignal): Promise<Schemas["Request"]> {
  return answer(staff.GET("/onboarding/{id}", { params: { path: { id } }, signal }));
}

export function brief(id: string, signal: AbortSignal): Promise<Schemas["BriefOut"]> {
  const asked = staff.GET("/onboarding/{id}/brief", { params: { path: { id } }, headers, signal });
  return answer(asked as Json<Schemas["BriefOut"]>);
}
