import { useInfiniteQuery } from "@tanstack/react-query";
import { NotShown } from "../access/NotShown";
import { useStaffKey, worthwhile } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { instant, quantity } from "../lib/format";
import { events } from "./one";

/** The rows of the ledger behind a figure, as an address of the API names them. */
export function EventList({ address }: { address: string }) {
  const key = useStaffKey();
  const asked = useInfiniteQuery({
    queryKey: [...key, "events", address],
    queryFn: ({ pageParam, signal }) => events(pageParam, signal),
    initialPageParam: address,
    getNextPageParam: (last) => last.meta.page.next ?? null,
    retry: worthwhile,
  });
  if (asked.isPending) return <p role="status">Its rows are on their way.</p>;
  if (!asked.data) {
    return (
      <NotShown
        what="Its rows are not here."
        error={asked.error}
        again={() => void asked.refetch()}
      />
    );
  }
  const rows = asked.data.pages.flatMap((page) => page.data);
  return (
    <>
      <ol className="events">
        {rows.map((row) => (
          <Event key={`${row.row} ${row.stored_at}`} row={row} />
        ))}
      </ol>
      {asked.error ? (
        <NotShown
          what="More is not here."
          error={asked.error}
          again={() => void asked.fetchNextPage()}
        />
      ) : null}
      {asked.hasNextPage ? (
        <button
          type="button"
          className="plain"
          disabled={asked.isFetchingNextPage}
          onClick={() => void asked.fetchNextPage()}
        >
          More rows
        </button>
      ) : null}
    </>
  );
}

function Event({ row }: { row: Schemas["EventOut"] }) {
  const said = Object.entries(row.dimensions ?? {});
  return (
    <li>
      <span>
        Row {row.row}: <strong>{row.quantity ? quantity(row.quantity) : "nothing"}</strong>{" "}
        {row.unit}
        {row.kind === "usage" ? null : `, ${row.kind}`}
        {row.corrects == null ? null : ` of row ${row.corrects}`}
        {row.counts != null && row.counts !== row.quantity
          ? `, counts ${quantity(row.counts)} by now`
          : null}
      </span>
      <small>
        {row.time ? `${instant(row.time)}, ` : null}
        from <bdi>{row.source}</bdi>, named <bdi>{row.id}</bdi>
        {said.map(([name, value]) => (
          <span key={name}>
            , {name} <bdi>{value}</bdi>
          </span>
        ))}
      </small>
    </li>
  );
}
