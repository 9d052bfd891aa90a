import { useInfiniteQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { every, useStaffKey, useSteady, worthwhile } from "./useAuthorised";

interface Page {
  readonly data: readonly unknown[];
  readonly meta: Schemas["ListMeta"];
}

/**
 * A list that comes in pages, for who is signed in. `ask` is given the path of a page, as the one
 * before it says, and null for the first; what is there is asked for again after `again` milliseconds.
 */
export function usePages<P extends Page>(
  about: readonly unknown[],
  ask: (next: string | null, signal: AbortSignal) => Promise<P>,
  again: number | null = null,
) {
  const key = useStaffKey();
  const asked = useInfiniteQuery({
    queryKey: [...key, ...about],
    queryFn: ({ pageParam, signal }) => ask(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ meta }) => meta.page.next ?? null,
    refetchInterval: again === null ? false : every(again),
    retry: worthwhile,
  });
  return useSteady(asked);
}

/** Such a list, as far as it has come. */
export interface Paged<Row> {
  readonly data: { readonly pages: readonly { readonly data: readonly Row[] }[] } | undefined;
  readonly error: Error | null;
  readonly isPending: boolean;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly isFetchNextPageError: boolean;
  readonly fetchNextPage: () => unknown;
  readonly refetch: () => unknown;
}
