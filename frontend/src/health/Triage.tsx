import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { every, useStaffKey, useSteady, worthwhile } from "../access/useAuthorised";
import { AsOf } from "./AsOf";
import { type Call, cursor, triage } from "./ask";
import type { Place } from "./place";
import * as words from "./words";

/** How often what is shown is asked for again, in milliseconds; not while nobody looks. */
const AGAIN = 60_000;

/** Whom to call: each with the reason in a sentence, and what would help most. The worst first. */
export function Triage(props: { place: Place; seen: boolean }) {
  return (
    <section className="line" aria-labelledby="calls">
      <h2 id="calls">Whom to call</h2>
      <Calls {...props} />
    </section>
  );
}

function useCalls(seen: boolean) {
  const key = useStaffKey();
  const asked = useInfiniteQuery({
    queryKey: [...key, "triage"],
    queryFn: ({ pageParam, signal }) => triage(pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => cursor(last.meta),
    refetchInterval: seen ? every(AGAIN) : false,
    retry: worthwhile,
  });
  return useSteady(asked);
}

function Calls({ place, seen }: { place: Place; seen: boolean }) {
  const asked = useCalls(seen);
  const again = () => void asked.refetch();
  if (asked.isPending) return <p role="status">The list of calls is on its way.</p>;
  if (!asked.data) {
    return <NotShown what="The list of calls is not here." error={asked.error} again={again} />;
  }
  const calls = asked.data.pages.flatMap((page) => page.data);
  return (
    <div className="stack wider">
      {asked.error ? (
        <NotShown what="The list of calls is not renewed." error={asked.error} again={again} />
      ) : null}
      {calls.length === 0 ? (
        <p>Nobody needs a call now.</p>
      ) : (
        <ol className="calls">
          {calls.map((call) => (
            <One key={call.account} call={call} place={place} />
          ))}
        </ol>
      )}
      {asked.hasNextPage ? (
        <div>
          <button
            type="button"
            className="quiet"
            disabled={asked.isFetchingNextPage}
            onClick={() => void asked.fetchNextPage()}
          >
            More to call
          </button>
        </div>
      ) : null}
      <p className="note">
        <AsOf lists={asked.data.pages.map((page) => page.data)} looked={asked.dataUpdatedAt} />
      </p>
    </div>
  );
}

function One({ call, place }: { call: Call; place: Place }) {
  return (
    <li>
      <p className="whom">
        <Link
          href={place.to(call.account)}
          data-account={`call:${call.account}`}
          onClick={() => place.leave(`call:${call.account}`)}
        >
          <bdi>{call.name}</bdi>
        </Link>
        <span className="note">
          {call.account}, {words.plan(call.plan)}
        </span>
      </p>
      <p className="reason" dir="auto">
        {call.reason}
      </p>
      {call.helps_most ? (
        <p className="helps" dir="auto">
          <span className="note">Helps most: </span>
          {call.helps_most}
        </p>
      ) : null}
      <dl>
        <div>
          <dt>Health</dt>
          <dd className="big">{words.health(call.health)}</dd>
        </div>
      </dl>
    </li>
  );
}
