import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { goesOn, useStaffKey, useSteady, worthwhile } from "../access/useAuthorised";
import { Failure } from "../api/problem";
import { AsOf } from "../components/AsOf";
import { NameTaken } from "../components/NameTaken";
import { instant } from "../lib/format";
import { moves, stages } from "../onboarding/stages";
import { usePage } from "../shell/usePage";
import { Answers, Fits } from "./Answers";
import { type Request, request } from "./ask";
import { Decide } from "./Decide";
import { FILTERS, type FilterKey } from "./place";
import { arrived, overtaken, standing } from "./words";

/** How often a request that may still move is looked at, in milliseconds; not while nobody looks. */
const AGAIN = 4_000;

/** One request, and the decision about it. */
export function One({ id, filter }: { id: string; filter: FilterKey }) {
  const key = useStaffKey();
  const queries = useQueryClient();
  const [said, setSaid] = useState("");
  const about = [...key, "request", id];
  const asked = useQuery({
    queryKey: about,
    queryFn: ({ signal }) => request(id, signal),
    refetchInterval: ({ state }) =>
      (state.data && !moves(state.data)) || !goesOn(state.error) ? false : AGAIN,
    retry: worthwhile,
  });
  const shown = useSteady(asked);
  const heading = usePage("Request");
  const name = shown.data?.form?.display_name;
  useEffect(() => {
    if (name !== undefined) document.title = `${name} · Tenantry`;
  }, [name]);
  const say = (words: string) => {
    setSaid(words);
    heading.current?.focus();
  };
  const ours = useRef(false);
  // Sent, and perhaps taken though no answer came.
  const tried = useRef<Tried>(null);
  useOvertaken(shown.data?.tenant.status, { ours, tried }, say);
  const put = async (decided: Request, words: string) => {
    ours.current = true;
    // A look from before must not put back what was.
    await queries.cancelQueries({ queryKey: about });
    queries.setQueryData(about, decided);
    void queries.invalidateQueries({ queryKey: [...key, "requests"] });
    say(words);
  };
  const gone = shown.error instanceof Failure && shown.error.status === 404;
  return (
    <>
      <div className="letter">
        <p>
          <Link href={filter === "waiting" ? "/approvals" : `/approvals?show=${filter}`}>
            {FILTERS.find((one) => one.key === filter)?.name} requests
          </Link>
        </p>
        <h1 ref={heading} tabIndex={-1} dir="auto">
          {name ?? "Request"}
        </h1>
        {shown.data ? <Where request={shown.data} /> : null}
        <p role="status">{said}</p>
        {gone ? (
          <p role="alert">There is no such request. The address may be mistyped.</p>
        ) : shown.error ? (
          <NotShown
            what={shown.data ? "This may be old." : "The request is not here."}
            error={shown.error}
            again={() => void shown.refetch()}
          />
        ) : null}
        {shown.isPending ? <p role="status">The request is on its way.</p> : null}
      </div>
      {shown.data && !gone ? (
        <>
          {shown.data.tenant.status === "awaiting_approval" ? (
            <Decide
              id={id}
              request={shown.data}
              decided={(now, words) => void put(now, words)}
              look={() => void shown.refetch()}
              trying={(what) => {
                tried.current = what;
              }}
            />
          ) : (
            <Decided request={shown.data} asOf={shown.dataUpdatedAt} />
          )}
          {shown.data.tenant.status === "awaiting_approval" ? (
            <div className="letter last">
              <AsOf at={shown.dataUpdatedAt} />
            </div>
          ) : null}
          <Answers request={shown.data} />
          <Fits request={shown.data} />
        </>
      ) : null}
    </>
  );
}

type Tried = "approved" | "rejected" | null;

/** Says what was decided, where the question stood until now: by somebody else, or by what was sent from here. */
function useOvertaken(
  status: string | undefined,
  by: { readonly ours: { readonly current: boolean }; readonly tried: { readonly current: Tried } },
  say: (words: string) => void,
) {
  const before = useRef(status);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each change of the status
  useEffect(() => {
    const waited = before.current === "awaiting_approval";
    before.current = status;
    if (waited && status !== undefined && status !== "awaiting_approval" && !by.ours.current) {
      say(by.tried.current === status ? arrived(status) : overtaken(status));
    }
  }, [status]);
}

function Where({ request }: { request: Request }) {
  const { tenant, submitted_at, stack } = request;
  return (
    <p className="note">
      Tenant {tenant.id} · sent {instant(submitted_at)} ·{" "}
      {standing({ tenant, stack: stack?.state ?? null })}
    </p>
  );
}

/** What was decided, by whom, and what became of it. */
function Decided({ request, asOf }: { request: Request; asOf: number }) {
  const { decision, stack } = request;
  return (
    <section className="line" aria-labelledby="decided">
      <h2 id="decided">Decision</h2>
      <div className="stack">
        <ol className="stages" aria-live="polite">
          {stages(request).map(({ name, at, state }) => (
            <li key={name} data-state={state} aria-current={state === "now" ? "step" : undefined}>
              <span>{name}</span>
              <small>{at ? instant(at) : state}</small>
            </li>
          ))}
        </ol>
        {decision ? (
          <p>
            {decision.by ? (
              <>
                Decided by <bdi>{decision.by}</bdi>.
              </>
            ) : (
              "Taken back by whoever sent it."
            )}
            {decision.reason ? (
              <>
                {" "}
                Reason: <bdi>{decision.reason}</bdi>
              </>
            ) : null}
          </p>
        ) : null}
        {stack?.state === "conflict" ? (
          <NameTaken detail={stack.detail} />
        ) : stack?.detail ? (
          <p>
            It waits for: <bdi>{stack.detail}</bdi>
          </p>
        ) : null}
        <AsOf at={asOf} />
      </div>
    </section>
  );
}
