import createClient from "openapi-fetch";
import { Failure } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const client = createClient<paths>({ baseUrl: window.location.origin, credentials: "omit" });

/** What a request came to, or a thrown [`Failure`]. */
async function answer<T>(
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
