import { type UseQueryOptions, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Failure } from "../api/problem";
import { useSession } from "./session";

/** All that was asked for by anybody who is or was signed in: forgotten when that changes. */
export const STAFF = "staff";

/** The beginning of a key: answers to one person are not shown to the next. */
export function useStaffKey(): readonly [typeof STAFF, number] {
  return [STAFF, useSession().number];
}

/** Whether trying once more may help: not where the server has said no; where it said later, twice. */
export function worthwhile(failures: number, error: Error): boolean {
  const status = error instanceof Failure ? error.status : 0;
  if (status === 429) return failures < 2;
  return failures < 1 && !(status >= 400 && status < 500);
}

/** Whether to go on looking: not where the server has said no, until somebody asks again. */
export function goesOn(error: Error | null): boolean {
  const status = error instanceof Failure ? error.status : 0;
  return status === 429 || !(status >= 400 && status < 500);
}

/** To look again after so many milliseconds, as long as the server does not say no. */
export function every(milliseconds: number) {
  return ({ state }: { state: { error: Error | null } }) =>
    goesOn(state.error) ? milliseconds : false;
}

interface Outcome {
  readonly error: Error | null;
  readonly isPending: boolean;
  readonly errorUpdateCount: number;
}

/**
 * A question that has no answer yet, with what went wrong last while it is asked again: else the
 * message would go and come back each time, be read out anew, and take the focus with it.
 */
export function useSteady<Q extends Outcome>(query: Q): Q {
  const [last, setLast] = useState<Error | null>(null);
  if (!query.isPending && query.error !== last) setLast(query.error);
  if (!query.isPending || last === null || query.errorUpdateCount === 0) return query;
  return { ...query, isPending: false, isError: true, status: "error", error: last };
}

/** The longest that somebody is kept waiting without a word, in milliseconds. */
const LONGEST = 10_000;

/**
 * When to try once more, in milliseconds: when the server said, if it did. Where that is long, what
 * is wrong is better said than waited for: then it is tried after the longest wait, and said.
 */
export function pause(failures: number, error: Error): number {
  const asked = error instanceof Failure ? error.retryAfter : null;
  return Math.min(asked === null ? 1_000 * 2 ** failures : asked * 1_000, LONGEST);
}

/** What the server answers to who is signed in. `about` says what is asked for, without secrets. */
export function useAuthorised<T>(
  about: readonly unknown[],
  ask: (signal: AbortSignal) => Promise<T>,
  options: Pick<UseQueryOptions<T>, "refetchInterval" | "enabled" | "placeholderData"> = {},
): UseQueryResult<T> {
  const key = useStaffKey();
  const query = useQuery({
    queryKey: [...key, ...about],
    queryFn: ({ signal }) => ask(signal),
    retry: worthwhile,
    ...options,
  });
  return useSteady(query);
}
