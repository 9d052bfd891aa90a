import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { every, useAuthorised } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { AsOf } from "../components/AsOf";
import { NameTaken } from "../components/NameTaken";
import { instant } from "../lib/format";
import { idOf, request } from "./one";
import { Running } from "./Running";

/** What of a customer runs, where the server can know, and what was handed on. */
export function StackPart(props: { id: string; at: string | null | undefined; brief: string }) {
  const { id, at, brief } = props;
  return (
    <section className="line" aria-labelledby="stack">
      <h2 id="stack">Stack and hand-off</h2>
      <div className="stack wider">
        <Running id={id} />
        {at ? (
          <Asked id={idOf(at)} brief={brief} />
        ) : (
          <p>
            There is no request to look at: this customer came another way, or your token may not
            see it.
          </p>
        )}
      </div>
    </section>
  );
}

function Asked({ id, brief }: { id: string; brief: string }) {
  const asked = useAuthorised(["request", id], (signal) => request(id, signal), {
    refetchInterval: every(30_000),
  });
  if (asked.isPending) return <p role="status">The request is being looked up.</p>;
  if (!asked.data) {
    return (
      <NotShown
        what="The request is not here."
        error={asked.error}
        again={() => void asked.refetch()}
      />
    );
  }
  return (
    <>
      <Made stack={asked.data.stack} />
      <p>
        Came by the request of {instant(asked.data.submitted_at)}.{" "}
        <Link href={brief}>Brief for the hand-off, to read or print</Link>
      </p>
      {asked.error ? (
        <NotShown what="This may be old." error={asked.error} again={() => void asked.refetch()} />
      ) : null}
      <AsOf at={asked.dataUpdatedAt} />
    </>
  );
}

const MADE: Record<string, string> = {
  queued: "Its tenant waits to be made.",
  removed: "Its tenant was removed from the cluster.",
};

/** What became of the request: what runs of it now is said beside it. */
function Made({ stack }: { stack: Schemas["StackOut"] | null | undefined }) {
  if (!stack) return <p>Its tenant is made by people.</p>;
  if (stack.state === "conflict") return <NameTaken detail={stack.detail} />;
  const made = stack.made_at ? `Its tenant was made on ${instant(stack.made_at)}.` : null;
  return <p>{MADE[stack.state] ?? made}</p>;
}
