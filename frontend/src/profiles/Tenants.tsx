import { useLocation } from "wouter";
import { Pages } from "../access/Pages";
import { usePages } from "../access/usePages";
import { AsOf } from "../components/AsOf";
import { Rows } from "../components/Rows";
import { instant } from "../lib/format";
import { type Follower, followers, type Revision } from "./ask";
import { address, type Shown, STAGES, type Stage } from "./place";
import { STAGE, way } from "./words";

interface Props {
  readonly name: string;
  readonly shown: Shown;
  readonly again: number;
  readonly revisions: readonly Revision[];
}

/** Who follows a profile, which revision each runs, and why one does not get on. */
export function Tenants(props: Props) {
  return (
    <section className="line" aria-labelledby="tenants">
      <h2 id="tenants">Who runs what</h2>
      <div className="desk">
        <Choose {...props} />
        <Found {...props} />
      </div>
    </section>
  );
}

function Choose({ name, shown, revisions }: Props) {
  const [, go] = useLocation();
  const to = (change: Partial<Shown>) =>
    go(address(name, { ...shown, ...change }), { replace: true });
  return (
    <div className="pairs">
      <div className="field">
        <label htmlFor="revision">Runs revision</label>
        <select
          id="revision"
          value={shown.revision ?? ""}
          onChange={({ target }) => to({ revision: target.value ? Number(target.value) : null })}
        >
          <option value="">any</option>
          {revisions.map(({ number }) => (
            <option key={number} value={number}>
              {number}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor="stage">On its way</label>
        <select
          id="stage"
          value={shown.stage ?? ""}
          onChange={({ target }) => to({ stage: (target.value || null) as Stage | null })}
        >
          <option value="">wherever it is</option>
          {STAGES.map((stage) => (
            <option key={stage} value={stage}>
              {STAGE[stage]}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function Found({ name, shown, again }: Props) {
  const list = usePages(
    ["followers", name, shown.revision, shown.stage],
    (next, signal) => followers(name, shown, next, signal),
    again,
  );
  return (
    <>
      <Pages list={list} what="The tenants" more="Show more">
        {(rows) =>
          rows.length === 0 ? (
            <p role="status">
              {shown.revision === null && shown.stage === null
                ? "No tenant follows this profile."
                : "No tenant of this profile is there."}
            </p>
          ) : (
            <Table name={name} rows={rows} />
          )
        }
      </Pages>
      {list.data ? <AsOf at={list.dataUpdatedAt} lost={list.data.pages[0]?.lost_since} /> : null}
    </>
  );
}

function Table({ name, rows }: { name: string; rows: readonly Follower[] }) {
  return (
    <Rows caption={`Tenants of ${name}`} heads={["Tenant", "Runs", "Is", "Why"]}>
      {rows.map((row) => (
        <tr role="row" key={row.tenant}>
          <th role="rowheader" scope="row">
            <bdi>{row.display_name}</bdi>
            <small>{row.account ?? row.tenant}</small>
          </th>
          <td role="cell">
            {way(row)}
            {row.pinned == null ? null : <small>keeps to {row.pinned} by its own wish</small>}
          </td>
          <td role="cell" className={row.stage === "failed" ? "wrong" : undefined}>
            {STAGE[row.stage as Stage] ?? row.stage}
            {row.ready ? null : <small>not ready</small>}
          </td>
          <td role="cell">
            <Why row={row} />
          </td>
        </tr>
      ))}
    </Rows>
  );
}

function Why({ row: { ready, message, reason, since } }: { row: Follower }) {
  if (ready) return <>all of it runs</>;
  return (
    <>
      <bdi>{message ?? reason ?? "nothing was said yet"}</bdi>
      {since ? <small>since {instant(since)}</small> : null}
    </>
  );
}
