import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { goesOn, useSteady } from "../access/useAuthorised";
import { follow, type Schemas, withdraw } from "../api/client";
import { Failure } from "../api/problem";
import { AsOf } from "../components/AsOf";
import { RoiFigures } from "../components/RoiFigures";
import { Trouble } from "../components/Trouble";
import { instant, money } from "../lib/format";
import { sentence } from "../onboarding/form";
import { dropReceipt, keepReceipt, keptReceipt } from "../onboarding/kept";
import { moves, next, stages } from "../onboarding/stages";
import { usePage } from "../shell/usePage";

type Request = Schemas["Request"];

/** How often a request that may still move is looked at, in milliseconds; not while nobody looks. */
const AGAIN = 4_000;

/** Where a request is, for who holds its receipt. */
export function Progress({ id }: { id: string }) {
  const [receipt, setReceipt] = useState(() => keptReceipt(id));
  if (receipt === null) {
    return (
      <Ask
        give={(token) => {
          keepReceipt(id, token);
          setReceipt(token);
        }}
      />
    );
  }
  const forget = () => {
    dropReceipt(id);
    setReceipt(null);
  };
  return <Followed id={id} receipt={receipt} forget={forget} />;
}

function Ask({ give }: { give: (token: string) => void }) {
  const heading = usePage("Your request");
  const [token, setToken] = useState("");
  const look = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") give(token.trim());
  };
  return (
    <form className="letter" onSubmit={look}>
      <h1 ref={heading} tabIndex={-1}>
        Your request
      </h1>
      <p>
        This tab has no receipt for this request. Paste the one that you were given when you sent
        it.
      </p>
      <div className="field">
        <label htmlFor="receipt">Receipt</label>
        <input
          id="receipt"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
      </div>
      <div>
        <button type="submit" className="action">
          Look it up
        </button>
      </div>
    </form>
  );
}

function Followed(props: { id: string; receipt: string; forget: () => void }) {
  const { id, receipt } = props;
  const heading = usePage("Your request");
  const asked = useQuery({
    // The receipt is no part of the key: keys may be shown.
    queryKey: ["request", id],
    queryFn: ({ signal }) => follow(id, receipt, signal),
    refetchInterval: ({ state }) =>
      (state.data && !moves(state.data)) || !goesOn(state.error) ? false : AGAIN,
    retry: false,
  });
  const request = useSteady(asked);
  const gone = request.error instanceof Failure && [401, 403, 404].includes(request.error.status);
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          Your request
        </h1>
        {gone ? (
          <div role="alert" className="trouble">
            <p>
              <strong className="wrong">This receipt opens no request here.</strong> It belongs to
              another request, or the address is mistyped.
            </p>
            <button type="button" className="quiet" onClick={props.forget}>
              Give another receipt
            </button>
          </div>
        ) : request.error ? (
          <Trouble
            what="Where it is cannot be seen now."
            error={request.error}
            again={() => void request.refetch()}
          />
        ) : null}
        {request.isPending ? <p role="status">Looking it up.</p> : null}
      </div>
      {request.data && !gone ? (
        <Whole id={id} receipt={receipt} request={request.data} asOf={request.dataUpdatedAt} />
      ) : null}
    </>
  );
}

function Whole(props: { id: string; receipt: string; request: Request; asOf: number }) {
  const { request } = props;
  return (
    <>
      <section className="line" aria-labelledby="where">
        <h2 id="where">Where it is</h2>
        <div className="stack">
          <Stages request={request} />
          <p>{next(request)}</p>
          <AsOf at={props.asOf} />
        </div>
      </section>
      <Keep receipt={props.receipt} />
      <section className="line" aria-labelledby="answered">
        <h2 id="answered">What was answered</h2>
        <div className="stack">
          <p>
            On {instant(request.submitted_at)}, with the prices of that day.{" "}
            {request.plan.key ? (
              <>
                Plan <strong>{request.plan.key}</strong>
                {request.plan.expected
                  ? `, ${money(request.plan.expected)} a month expected`
                  : null}
                ; profile{" "}
                <strong>{[request.profile.key, ...request.profile.overlays].join(" with ")}</strong>
                .
              </>
            ) : (
              "No plan fits."
            )}
          </p>
          <ul>
            {[...request.plan.reasons, ...request.profile.reasons].map((reason) => (
              <li key={reason}>{sentence(reason)}.</li>
            ))}
          </ul>
          {request.roi ? <RoiFigures roi={request.roi} /> : null}
        </div>
      </section>
      {request.tenant.status === "awaiting_approval" ? <Withdraw {...props} /> : null}
    </>
  );
}

const STATES = { done: "done", now: "now", later: "later", ended: "the end" };

function Stages({ request }: { request: Request }) {
  return (
    <ol className="stages" aria-live="polite">
      {stages(request).map(({ name, at, state }) => (
        <li key={name} data-state={state} aria-current={state === "now" ? "step" : undefined}>
          <span>{name}</span>
          <small>{at ? instant(at) : STATES[state]}</small>
        </li>
      ))}
    </ol>
  );
}

function Keep({ receipt }: { receipt: string }) {
  const [shown, setShown] = useState(false);
  return (
    <section className="line" aria-labelledby="receipt-title">
      <h2 id="receipt-title">Receipt</h2>
      <div className="stack">
        <p>
          The only way back to this page from another tab or machine. Keep it where you keep
          passwords; it reaches this request and nothing else.
        </p>
        <div className="field">
          <label htmlFor="receipt">Receipt</label>
          <div className="blank">
            <input
              id="receipt"
              readOnly
              type={shown ? "text" : "password"}
              autoComplete="off"
              value={receipt}
              onFocus={(event) => event.target.select()}
            />
            <button type="button" className="quiet" onClick={() => setShown(!shown)}>
              {shown ? "Hide" : "Show"}
              <span className="seen-by-readers-only"> the receipt</span>
            </button>
          </div>
        </div>
      </div>
    </section>
  );
}

function Withdraw({ id, receipt }: { id: string; receipt: string }) {
  const queries = useQueryClient();
  const [sure, setSure] = useState(false);
  const taken = useMutation({
    mutationFn: () => withdraw(id, receipt),
    onSuccess: async (request) => {
      // A look from before must not put back what was.
      await queries.cancelQueries({ queryKey: ["request", id] });
      queries.setQueryData(["request", id], request);
    },
  });
  return (
    <section className="line" aria-labelledby="back">
      <h2 id="back">Take it back</h2>
      <div className="stack">
        <p>
          While nobody has decided. It cannot be undone; to change something, send the form again:{" "}
          <Link href="/start">begin anew</Link>.
        </p>
        {taken.error ? (
          <p role="alert" className="wrong">
            {taken.error.message}
          </p>
        ) : null}
        <div className="onward">
          <button
            type="button"
            className="quiet"
            disabled={taken.isPending}
            onClick={(event) => {
              // The second press of a double click answers nothing.
              if (event.detail > 1) return;
              if (sure) taken.mutate();
              else setSure(true);
            }}
          >
            {sure ? "Yes, take it back" : "Take the request back"}
          </button>
          {sure ? (
            <button
              type="button"
              className="quiet"
              disabled={taken.isPending}
              onClick={() => setSure(false)}
            >
              Not yet
            </button>
          ) : null}
        </div>
      </div>
    </section>
  );
}
