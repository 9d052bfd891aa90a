import { NotShown } from "../access/NotShown";
import { goesOn, useAuthorised } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { AsOf } from "../components/AsOf";
import { Rows } from "../components/Rows";
import { instant } from "../lib/format";
import { stacks } from "./one";

type Stack = Schemas["AccountStack"];

/** How often what runs is looked at again, in milliseconds: while it moves, and while not. */
const AGAIN = { moving: 4_000, still: 10_000 };

const moves = ({ state }: Stack) => state === "made" || state === "starting";

/** What of an account runs in the cluster, part by part. */
export function Running({ id }: { id: string }) {
  const asked = useAuthorised(["stacks", id], (signal) => stacks(id, signal), {
    refetchInterval: ({ state }) => {
      if (!goesOn(state.error)) return false;
      return state.data?.data.some(moves) ? AGAIN.moving : AGAIN.still;
    },
  });
  if (asked.isPending) return <p role="status">What runs is being looked up.</p>;
  const shown = asked.data;
  return (
    <>
      {asked.error ? (
        <NotShown
          what={shown ? "What runs is not looked at anew." : "What runs is not here."}
          error={asked.error}
          again={() => void asked.refetch()}
        />
      ) : null}
      {shown?.beside_cluster === false ? (
        <p>
          This server is not beside its cluster: what runs is not known here. Who runs the cluster
          sees it with <code>kubectl get tenants</code>.
        </p>
      ) : shown?.data.length === 0 ? (
        <p>Nothing of this customer is in the cluster.</p>
      ) : (
        shown?.data.map((stack) => <One key={stack.tenant} stack={stack} />)
      )}
      {shown?.beside_cluster ? <AsOf at={asked.dataUpdatedAt} lost={shown.lost_since} /> : null}
    </>
  );
}

const STATES: Record<string, string> = {
  made: "Made; the operator has not said anything of it yet.",
  starting: "Not all of it runs yet.",
  ready: "All of it runs.",
  failing: "It fails, and does not get well by itself.",
  suspended: "It is suspended: its services are stopped on purpose.",
  removed: "It is being removed.",
};

function One({ stack }: { stack: Stack }) {
  const { tenant, state, since, message, runs, wanted, profile, components } = stack;
  const said = STATES[state] ?? state;
  return (
    <>
      <p>
        <strong>{tenant}</strong>:{" "}
        {state === "failing" ? <strong className="wrong">{said}</strong> : said}
        {since ? ` Since ${instant(since)}.` : null}{" "}
        <span className="note">
          {runs ? `Runs ${runs}` : `Of profile ${profile}`}
          {wanted && wanted !== runs ? `, on its way to ${wanted}` : null}.
        </span>
      </p>
      {message ? (
        <p>
          The operator says: <bdi>{message}</bdi>
        </p>
      ) : null}
      {components.length === 0 ? (
        <p className="note">The operator has not told its parts yet.</p>
      ) : (
        <Components tenant={tenant} all={components} />
      )}
    </>
  );
}

function Components({ tenant, all }: { tenant: string; all: readonly Schemas["ComponentOut"][] }) {
  return (
    <Rows
      look="listing"
      caption={`What ${tenant} is made of`}
      heads={[
        "Component",
        [`${all.filter(({ ready }) => ready).length} of ${all.length} run`, "words"],
      ]}
    >
      {all.map(({ name, ready, message }) => (
        <tr role="row" key={name}>
          <th role="rowheader" scope="row">
            {name}
          </th>
          <td role="cell" className="words">
            {ready ? "Runs" : <strong>Does not run yet</strong>}
            {message ? (
              <small>
                <bdi>{message}</bdi>
              </small>
            ) : null}
          </td>
        </tr>
      ))}
    </Rows>
  );
}
