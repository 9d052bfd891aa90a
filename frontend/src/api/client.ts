import createClient from "openapi-fetch";
import { Failure } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const client = createClient<paths>({ baseUrl: window.location.origin, credentials: "omit" });

/** What a request came to, or a thrown [`Failure`]. */
export async function answer<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await asked.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw Failure.unreachable();
  });
  if (data === undefined) throw Failure.of(response, error);
  return data;
}

export function plans(signal: AbortSignal): Promise<Schemas["PriceList"]> {
  return answer(client.GET("/billing/plans", { signal }));
}

export function recommend(
  body: Schemas["NeedsIn"],
  signal: AbortSignal,
): Promise<Schemas["RecommendationOut"]> {
  return answer(client.POST("/recommendation", { body, signal }));
}

export function calculateRoi(
  body: Schemas["RoiIn"],
  signal: AbortSignal,
): Promise<Schemas["RoiOut"]> {
  return answer(client.POST("/roi", { body, signal }));
}

/** Sends a form. The same key and form are one request, however often they are sent. */
export function submit(body: Schemas["IntakeIn"], key: string): Promise<Schemas["Submitted"]> {
  const params = { header: { "Idempotency-Key": key } };
  return answer(client.POST("/onboarding", { body, params }));
}

function bearer(token: string): { Authorization: string } {
  return { Authorization: `Bearer ${token}` };
}

/** A request as it is now, for who holds its receipt. */
export function follow(
  id: string,
  receipt: string,
  signal: AbortSignal,
): Promise<Schemas["Request"]> {
  const params = { path: { id } };
  return answer(client.GET("/onboarding/{id}", { params, headers: bearer(receipt), signal }));
}

export function withdraw(id: string, receipt: string): Promise<Schemas["Request"]> {
  const params = { path: { id } };
  return answer(client.POST("/onboarding/{id}/withdraw", { params, headers: bearer(receipt) }));
}
