import { useInfiniteQuery } from "@tanstack/react-query";
import { NotShown } from "../access/NotShown";
import { every, useStaffKey, useSteady, worthwhile } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { cursor } from "../lib/cursor";
import { instant, quantity } from "../lib/format";
import { meterName } from "../lib/price";
import { AsOf } from "../profiles/parts";
import { alerts } from "./one";

/** Which levels of which quotas were reached, and which recovered; the newest first. */
export function AlertsPart({ id }: { id: string }) {
  const key = useStaffKey();
  const asked = useInfiniteQuery({
    queryKey: [...key, "alerts", id],
    queryFn: ({ pageParam, signal }) => alerts(id, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ meta }) => cursor(meta.page.next),
    refetchInterval: every(60_000),
    retry: worthwhile,
  });
  const list = useSteady(asked);
  return (
    <section className="line" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {list.isPending ? <p role="status">The alerts are on their way.</p> : null}
      {list.data ? (
        <div>
          <Found rows={list.data.pages.flatMap(({ data }) => data)} />
          {list.hasNextPage ? (
            <button
              type="button"
              className="plain"
              disabled={list.isFetchingNextPage}
              onClick={() => void list.fetchNextPage()}
            >
              Older alerts
            </button>
          ) : null}
          <AsOf at={list.dataUpdatedAt} />
        </div>
      ) : null}
      {list.error ? (
        <NotShown
          what={
            !list.data
              ? "The alerts are not here."
              : list.isFetchNextPageError
                ? "More is not here."
                : "This list may be old."
          }
          error={list.error}
          again={() => void (list.isFetchNextPageError ? list.fetchNextPage() : list.refetch())}
        />
      ) : null}
    </section>
  );
}

function Found({ rows }: { rows: Schemas["Alerts"]["data"] }) {
  if (rows.length === 0) return <p>No mark of any quota was reached.</p>;
  return (
    <table className="listing" role="table">
      <caption className="seen-by-readers-only">Alerts, the newest first</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            When
          </th>
          <th role="columnheader" scope="col" className="words">
            What
          </th>
          <th role="columnheader" scope="col" className="number">
            Used then
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((one) => (
          <tr role="row" key={`${one.row} ${one.meter} ${one.level} ${one.kind} ${one.at}`}>
            <th role="rowheader" scope="row">
              {instant(one.at)}
            </th>
            <td role="cell" className="words">
              {meterName(one.meter)}:{" "}
              {one.kind === "threshold_reached"
                ? `reached ${one.percent}% of the quota`
                : `fell clearly below ${one.percent}% again`}
              {one.arming > 1 ? `, for the ${ordinal(one.arming)} time` : null}
            </td>
            <td role="cell" className="number" data-name="used then">
              {quantity(one.used)} {one.quota ? `of ${quantity(one.quota)} ` : ""}
              {one.unit}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function ordinal(n: number): string {
  const ends = new Intl.PluralRules("en", { type: "ordinal" }).select(n);
  return `${n}${{ one: "st", two: "nd", few: "rd" }[ends as string] ?? "th"}`;
}
