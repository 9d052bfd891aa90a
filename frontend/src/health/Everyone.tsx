import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { NotShown } from "../access/NotShown";
import { More } from "../access/Pages";
import { useStaffKey, worthwhile } from "../access/useAuthorised";
import { Failure } from "../api/problem";
import { FiguresAsOf } from "../components/AsOf";
import { count as whole } from "../lib/format";
import { everyone, type Usage } from "./ask";
import { Filters } from "./Filters";
import type { Place } from "./place";
import { Row } from "./Row";
import { useShown } from "./useShown";
import { isFiltered, type Sort, turn, type View } from "./view";

/** Rows that are still to come when the next page is asked for. */
const AHEAD = 60;

interface Props {
  readonly view: View;
  readonly change: (view: View) => void;
  readonly place: Place;
}

/** All customers, as dense as one can read. */
export function Everyone(props: Props) {
  return (
    <section className="line whole" aria-labelledby="everyone">
      <h2 id="everyone">Everyone</h2>
      <Filters view={props.view} change={props.change} />
      <List {...props} />
    </section>
  );
}

function useEveryone(view: View) {
  const key = useStaffKey();
  return useInfiniteQuery({
    queryKey: [...key, "everyone", view],
    queryFn: ({ pageParam, signal }) => everyone(view, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ meta }) => meta.page.next ?? null,
    placeholderData: keepPreviousData,
    retry: worthwhile,
    // Ten thousand rows are not asked for anew behind somebody's back, nor compared with those before.
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  });
}

function List({ view, change, place }: Props) {
  const asked = useEveryone(view);
  const again = () => void asked.refetch();
  const rows = useMemo(() => asked.data?.pages.flatMap((page) => page.data) ?? [], [asked.data]);
  if (asked.isPending) return <p role="status">The list is on its way.</p>;
  if (!asked.data) {
    // Whom to call needs the same, and says what it is.
    if (asked.error instanceof Failure && asked.error.status === 403) {
      return <p>The list of everyone needs the same of your token.</p>;
    }
    return <NotShown what="The list is not here." error={asked.error} again={again} />;
  }
  const nobody = rows.length === 0 && !asked.hasNextPage;
  return (
    <div className="stack wider">
      {nobody ? <Nobody view={view} /> : null}
      <p className="note">
        {nobody ? null : shownOf(rows.length, asked.hasNextPage)}
        <FiguresAsOf
          lists={asked.data.pages.map((page) => page.data)}
          looked={asked.dataUpdatedAt}
        />{" "}
        <button type="button" className="plain" onClick={again}>
          Look again
        </button>
      </p>
      {nobody ? null : (
        <Table
          rows={rows}
          view={view}
          change={change}
          place={place}
          more={asked.hasNextPage}
          busy={asked.isFetching}
          next={() => {
            if (asked.hasNextPage && !asked.isFetching && !asked.error) void asked.fetchNextPage();
          }}
        />
      )}
      {asked.error && !asked.isFetchNextPageError ? (
        <NotShown what="The list is not renewed." error={asked.error} again={again} />
      ) : (
        <More list={asked} more="More customers" waits={asked.isFetching} />
      )}
    </div>
  );
}

function Nobody({ view }: { view: View }) {
  return isFiltered(view) ? (
    <p>No customer is as these filters say.</p>
  ) : (
    <p>
      There is no customer yet. Who is taken on stands here as soon as the server has summed them
      up.
    </p>
  );
}

function shownOf(count: number, more: boolean): string {
  if (more) return `${whole(count)} shown so far. `;
  return count === 1 ? "1 customer. " : `${whole(count)} customers. `;
}

function Table(props: {
  rows: readonly Usage[];
  view: View;
  change: (view: View) => void;
  place: Place;
  more: boolean;
  busy: boolean;
  next: () => void;
}) {
  const { rows, view, change, place, next } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const { from, to, row } = useShown(body, rows.length);
  const near = to + AHEAD >= rows.length;
  useEffect(() => {
    if (near && row > 0) next();
  }, [near, row, next]);
  return (
    <>
      <a className="skip-list" href="#after-everyone">
        Skip the list
      </a>
      <table
        className="everyone"
        role="table"
        aria-rowcount={props.more ? -1 : rows.length + 1}
        aria-busy={props.busy}
      >
        <caption className="seen-by-readers-only">
          All customers with health, use, projected cost and support
        </caption>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            <Head sort="account" view={view} change={change}>
              Customer
            </Head>
            <Head sort="health" view={view} change={change}>
              Health, 12 weeks
            </Head>
            <Head sort="ratio" view={view} change={change}>
              Most used quota
            </Head>
            <Head sort="projected_cost" view={view} change={change}>
              This period’s cost
            </Head>
            <Head sort="support" view={view} change={change}>
              Support
            </Head>
            <th role="columnheader" scope="col">
              Flag
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup" ref={body} style={{ height: rows.length * row || undefined }}>
          {rows.slice(from, to).map((usage, index) => (
            <Row
              key={usage.account}
              usage={usage}
              index={from + index}
              top={(from + index) * row}
              place={place}
            />
          ))}
        </tbody>
      </table>
      <span id="after-everyone" tabIndex={-1} />
    </>
  );
}

function Head(props: { sort: Sort; view: View; change: (view: View) => void; children: string }) {
  const { sort, view, change } = props;
  const here = view.sort === sort;
  const way = view.descending ? "descending" : "ascending";
  return (
    <th role="columnheader" scope="col" aria-sort={here ? way : undefined}>
      <button type="button" className="sort" onClick={() => change(turn(view, sort))}>
        {props.children}
        <span aria-hidden="true">{here ? (view.descending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}
