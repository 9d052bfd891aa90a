import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { useAuthorised } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { instant } from "../lib/format";
import { idOf, request } from "./one";

/** How much of a customer's stack runs, where the server can know. */
export function StackPart({ at, brief }: { at: string | null | undefined; brief: string }) {
  return (
    <section className="line" aria-labelledby="stack">
      <h2 id="stack">Stack and hand-off</h2>
      {at ? (
        <Asked id={idOf(at)} brief={brief} />
      ) : (
        <p>
          There is no request to look at: this customer came another way, or your token may not see
          it. In the cluster, <code>kubectl get tenants</code> says what runs.
        </p>
      )}
    </section>
  );
}

function Asked({ id, brief }: { id: string; brief: string }) {
  const asked = useAuthorised(["request", id], (signal) => request(id, signal), {
    refetchInterval: 30_000,
  });
  if (asked.isPending) return <p role="status">The stack is being looked up.</p>;
  if (!asked.data) {
    return (
      <NotShown
        what="The stack is not here."
        error={asked.error}
        again={() => void asked.refetch()}
      />
    );
  }
  return (
    <div className="stack">
      <State stack={asked.data.stack} />
      <p>
        Came by the request of {instant(asked.data.submitted_at)}.{" "}
        <Link href={brief}>Brief for the hand-off, to read or print</Link>
      </p>
      <p className="note">As of {instant(new Date(asked.dataUpdatedAt).toISOString())}.</p>
    </div>
  );
}

const STATES: Record<string, string> = {
  queued: "Waits to be made.",
  starting: "Made, and starting.",
  ready: "Everything of it runs.",
  removed: "Its tenant was removed from the cluster.",
  conflict: "Another tenant has the name.",
};

function State({ stack }: { stack: Schemas["StackOut"] | null | undefined }) {
  if (!stack) {
    return <p>Its tenant is made by people, and nothing of its stack is known here.</p>;
  }
  if (stack.state === "made") {
    return (
      <p>
        Its tenant was made{stack.made_at ? ` on ${instant(stack.made_at)}` : ""}. This server is
        not beside its cluster, or the operator has not said anything yet: what runs is not known
        here.
      </p>
    );
  }
  return (
    <>
      <p>
        {STATES[stack.state] ?? stack.state}
        {stack.since ? ` Since ${instant(stack.since)}.` : null}
        {stack.parts ? ` ${stack.parts.ready} of ${stack.parts.total} parts run.` : null}
      </p>
      {stack.detail ? (
        <p>
          It waits for: <bdi>{stack.detail}</bdi>
        </p>
      ) : null}
    </>
  );
}
