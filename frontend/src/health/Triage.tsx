import { NotShown } from "../access/NotShown";
import { useAuthorised } from "../access/useAuthorised";
import { type Call, triage } from "./ask";

/** How often what is shown is asked for again, in milliseconds; not while nobody looks. */
export const AGAIN = 60_000;

/** Whom to call: each with the reason in a sentence, and what would help most. The worst first. */
export function Triage() {
  return (
    <section className="line" aria-labelledby="calls">
      <h2 id="calls">Whom to call</h2>
      <Calls />
    </section>
  );
}

function Calls() {
  const calls = useAuthorised(["triage"], triage, { refetchInterval: AGAIN });
  if (calls.isPending) return <p role="status">The list of calls is on its way.</p>;
  if (calls.isError) {
    return (
      <NotShown
        what="The list of calls is not here."
        error={calls.error}
        again={() => void calls.refetch()}
      />
    );
  }
  const { data } = calls.data;
  if (data.length === 0) return <p>Nobody needs a call now.</p>;
  return (
    <ol className="calls">
      {data.map((call) => (
        <One key={call.account} call={call} />
      ))}
    </ol>
  );
}

function One({ call }: { call: Call }) {
  return (
    <li>
      <strong dir="auto">{call.name}</strong> <span className="note">{call.account}</span>
      <p>{call.reason}</p>
      {call.helps_most ? <p>{call.helps_most}</p> : null}
    </li>
  );
}
