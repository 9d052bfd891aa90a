import { Link } from "wouter";
import { Pages } from "../access/Pages";
import { usePages } from "../access/usePages";
import { AsOf } from "../components/AsOf";
import { Rows } from "../components/Rows";
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
  const list = usePages(
    ["requests", filter],
    (next, signal) => requests(filter, next, signal),
    AGAIN,
  );
  return (
    <>
      <Pages list={list} what="The requests" more="Show more">
        {(rows) =>
          rows.length === 0 ? (
            <p role="status">{NOBODY[filter]}</p>
          ) : (
            <Table rows={rows} filter={filter} />
          )
        }
      </Pages>
      {list.data ? (
        <>
          <p className="note">
            {filter === "waiting" ? "Who waits longest comes first." : "The newest comes first."}
          </p>
          <AsOf at={list.dataUpdatedAt} />
        </>
      ) : null}
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
