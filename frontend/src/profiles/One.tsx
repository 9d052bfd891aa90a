import { Link } from "wouter";
import { every, useAuthorised } from "../access/useAuthorised";
import { Failure } from "../api/problem";
import { AsOf } from "../components/AsOf";
import { Rows } from "../components/Rows";
import { instant } from "../lib/format";
import { usePage } from "../shell/usePage";
import { type Revision, revisions } from "./ask";
import { useProfiles } from "./List";
import { NotKnown } from "./parts";
import { address, type Shown } from "./place";
import { Rollout } from "./Rollout";
import { Tenants } from "./Tenants";
import { moves } from "./words";

/** One profile: how far its newest revision is, all revisions, and who runs which. */
export function One({ name, shown }: { name: string; shown: Shown }) {
  const heading = usePage(`Profile ${name}`);
  const list = useProfiles();
  const profile = list.data?.data.find((one) => one.name === name);
  const again = profile && moves(profile) ? 3_000 : 30_000;
  const all = useAuthorised(["revisions", name], (signal) => revisions(name, signal), {
    refetchInterval: every(again),
  });
  const gone = all.error instanceof Failure && all.error.status === 404;
  return (
    <>
      <div className="letter">
        <p>
          <Link href="/stacks">All profiles</Link>
        </p>
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        {profile ? <Rollout profile={profile} /> : null}
        {profile?.rollout ? (
          <p className="note">
            At most {profile.rollout.max_in_flight} of the tenants are on their way at once; after{" "}
            {profile.rollout.halt_after_failures === 1
              ? "1 failure"
              : `${profile.rollout.halt_after_failures} failures`}{" "}
            no further one is started.
          </p>
        ) : null}
        {gone ? (
          <p role="alert">There is no profile of this name, and no tenant names it.</p>
        ) : all.error ? (
          <NotKnown what="revisions" old={all.data !== undefined} query={all} />
        ) : null}
        {list.error && !all.error ? (
          <NotKnown what="profiles" old={list.data !== undefined} query={list} />
        ) : null}
        {all.isPending ? <p role="status">The revisions are on their way.</p> : null}
      </div>
      {all.data && !gone ? (
        <>
          <section className="line" aria-labelledby="revisions">
            <h2 id="revisions">Revisions</h2>
            <div className="desk">
              <Revisions name={name} rows={all.data.data} newest={profile?.revision ?? null} />
              <AsOf at={all.dataUpdatedAt} lost={all.data.lost_since} />
            </div>
          </section>
          <Tenants name={name} shown={shown} again={again} revisions={all.data.data} />
        </>
      ) : null}
    </>
  );
}

function Revisions(props: { name: string; rows: readonly Revision[]; newest: number | null }) {
  if (props.rows.length === 0) return <p>The operator has numbered no revision yet.</p>;
  return (
    <Rows caption={`Revisions of ${props.name}`} heads={["Revision", "Made", "Runs", "Services"]}>
      {props.rows.map((row) => (
        <tr role="row" key={row.number}>
          <th role="rowheader" scope="row">
            {row.number}
            {row.number === props.newest ? <small>newest</small> : null}
          </th>
          <td role="cell">{row.made_at ? instant(row.made_at) : "no longer kept"}</td>
          <td role="cell">
            {row.running > 0 ? (
              <Link href={address(props.name, { revision: row.number, stage: null })}>
                on {row.running} {row.running === 1 ? "tenant" : "tenants"}
              </Link>
            ) : (
              "on none"
            )}
            {row.coming > 0 ? <small>{row.coming} on the way to it</small> : null}
            {row.pinned > 0 ? <small>{kept(row.pinned)}</small> : null}
          </td>
          <td role="cell">
            <Services revision={row} />
          </td>
        </tr>
      ))}
    </Rows>
  );
}

function kept(count: number): string {
  return count === 1 ? "1 keeps to it by its own wish" : `${count} keep to it by their own wish`;
}

function Services({ revision: { content } }: { revision: Revision }) {
  if (!content) return <>not known any more</>;
  return (
    <ul className="plainly">
      {content.services.map(({ name, image }) => (
        <li key={name}>
          {name} <small>{image}</small>
        </li>
      ))}
    </ul>
  );
}
