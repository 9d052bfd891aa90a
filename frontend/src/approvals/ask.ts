import { staff } from "../access/client";
import { answer, type Schemas } from "../api/client";
import { after } from "../lib/cursor";
import { FILTERS, type FilterKey } from "./place";

export type Request = Schemas["Request"];
export type Summary = Schemas["Summary"];

/** A page of requests: who waits longest comes first, what is decided comes newest first. */
export function requests(
  filter: FilterKey,
  next: string | null,
  signal: AbortSignal,
): Promise<Schemas["Requests"]> {
  const status = FILTERS.find(({ key }) => key === filter)?.status ?? null;
  const query = {
    sort: filter === "waiting" ? "submitted_at asc" : "submitted_at desc",
    "page[size]": 50,
    ...(status === null ? {} : { "filter[status][eq]": status }),
    ...after(next),
  };
  return answer(staff.GET("/onboarding", { params: { query }, signal }));
}

export function request(id: string, signal: AbortSignal): Promise<Request> {
  return answer(staff.GET("/onboarding/{id}", { params: { path: { id } }, signal }));
}

/** Deciding the same again changes nothing, so an answer that got lost is asked for once more. */
export function approve(id: string): Promise<Request> {
  return answer(staff.POST("/onboarding/{id}/approve", { params: { path: { id } } }));
}

export function reject(id: string, reason: string): Promise<Request> {
  const params = { path: { id } };
  return answer(staff.POST("/onboarding/{id}/reject", { params, body: { reason } }));
}
