import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { every, useStaffKey, useSteady, worthwhile } from "../access/useAuthorised";
import { Rows } from "../components/Rows";
import { cursor } from "../lib/cursor";
import { instant } from "../lib/format";
import { usePage } from "../shell/usePage";
import { requests, type Summary } from "./ask";
import { FILTERS, type FilterKey, idOf } from "./place";
import { amiss, standing, waited } from "./words";

/** How often the list is looked at again, in milliseconds; not while nobody looks. */
const AGAIN = 15_000;

export function List({ filter }: { filter: FilterKey }) {
  const heading = usePage("Approvals");
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          Approvals
        </h1>
        <p>Customers who ask to be taken on. Nothing is made before somebody decides.</p>
      </div>
      <section className="line" aria-labelledby="requests">
        <h2 id="requests">Requests</h2>
        <div className="desk">
          <Filters filter={filter} />
          <Found key={filter} filter={filter} />
        </div>
      </section>
    </>
  );
}

function Filters({ filter }: { filter: FilterKey }) {
  return (
    <nav className="choices" aria-label="Which requests">
      {FILTERS.map(({ key, name }) => (
        <Link
          key={key}
          href={key === "waiting" ? "/approvals" : `/approvals?show=${key}`}
          aria-current={key === filter ? "true" : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}

const NOBODY: Record<FilterKey, string> = {
  waiting: "Nobody waits for a decision.",
  approved: "Nobody was approved yet.",
  rejected: "Nobody was turned down.",
  withdrawn: "Nobody took a request back.",
  all: "Nobody has asked yet. The form is at “Find yours”.",
};

function Found({ filter }: { filter: FilterKey }) {
  const key = useStaffKey();
  const asked = useInfiniteQuery({
    queryKey: [...key, "requests", filter],
    queryFn: ({ pageParam, signal }) => requests(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ meta }) => cursor(meta.page.next),
    refetchInterval: every(AGAIN),
    retry: worthwhile,
  });
  const list = useSteady(asked);
  if (list.isPending) return <p role="status">The requests are on their way.</p>;
  const all = list.data?.pages.flatMap(({ data }) => data) ?? [];
  const trouble = list.error ? (
    <NotShown
      what={all.length > 0 ? "This list may be old." : "The requests are not here."}
      error={list.error}
      again={() => void list.refetch()}
    />
  ) : null;
  if (!list.data) return trouble;
  return (
    <>
      {trouble}
      {all.length === 0 ? (
        <p role="status">{NOBODY[filter]}</p>
      ) : (
        <Table rows={all} filter={filter} />
      )}
      {list.hasNextPage ? (
        <button
          type="button"
          className="quiet"
          disabled={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {list.isFetchingNextPage ? "More are on their way" : "Show more"}
        </button>
      ) : null}
      <p className="note">
        {filter === "waiting" ? "Who waits longest comes first." : "The newest comes first."} As of{" "}
        {instant(new Date(list.dataUpdatedAt).toISOString())}.
      </p>
    </>
  );
}

function Table({ rows, filter }: { rows: readonly Summary[]; filter: FilterKey }) {
  const now = Date.now();
  const search = filter === "waiting" ? "" : `?show=${filter}`;
  return (
    <Rows caption="Requests" heads={["Customer", "Would get", "Came", "Stands"]}>
      {rows.map((row) => (
        <tr role="row" key={row.follow}>
          <th role="rowheader" scope="row">
            <Link href={`/approvals/${idOf(row.follow)}${search}`}>
              <bdi>{row.display_name}</bdi>
            </Link>
            <small>{row.tenant.id}</small>
          </th>
          <td role="cell">
            {row.plan ?? "no plan fits"}
            <small>on {row.profile}</small>
          </td>
          <td role="cell">
            {instant(row.submitted_at)}
            {row.tenant.status === "awaiting_approval" ? (
              <small>waits {waited(row.submitted_at, now)}</small>
            ) : null}
          </td>
          <td role="cell" className={amiss(row) ? "wrong" : undefined}>
            {standing(row)}
          </td>
        </tr>
      ))}
    </Rows>
  );
}
