import { staff } from "../access/client";
import { answer, type Schemas } from "../api/client";

export type Call = Schemas["Call"];

/** Whom to call, the worst first. */
export function triage(signal: AbortSignal): Promise<Schemas["Triage"]> {
  const params = { query: { "page[size]": 100 } };
  return answer(staff.GET("/billing/usage/triage", { params, signal }));
}
