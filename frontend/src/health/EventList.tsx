import { Pages } from "../access/Pages";
import { usePages } from "../access/usePages";
import type { Schemas } from "../api/client";
import { exact, instant } from "../lib/format";
import { events } from "./one";

/** The rows of the ledger behind a figure, as an address of the API names them. */
export function EventList({ address }: { address: string }) {
  const list = usePages(["events", address], (next, signal) => events(next ?? address, signal));
  return (
    <Pages list={list} what="Its rows" more="More rows">
      {(rows) => (
        <ol className="events">
          {rows.map((row) => (
            <Event key={`${row.row} ${row.stored_at}`} row={row} />
          ))}
        </ol>
      )}
    </Pages>
  );
}

function Event({ row }: { row: Schemas["EventOut"] }) {
  const said = Object.entries(row.dimensions ?? {});
  return (
    <li>
      <span>
        Row {row.row}: <strong>{row.quantity ? exact(row.quantity) : "nothing"}</strong> {row.unit}
        {row.kind === "usage" ? null : `, ${row.kind}`}
        {row.corrects == null ? null : ` of row ${row.corrects}`}
        {row.counts != null && row.counts !== row.quantity
          ? `, counts ${exact(row.counts)} by now`
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
