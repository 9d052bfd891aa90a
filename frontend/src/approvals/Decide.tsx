import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState } from "react";
import { Failure } from "../api/problem";
import { approve, type Request, reject } from "./ask";
import { approvable, LONGEST_REASON, oneLine, refusal, wrongReason } from "./words";

interface Props {
  readonly id: string;
  readonly request: Request;
  readonly decided: (request: Request, words: string) => void;
  /** Asks anew how the request stands. */
  readonly look: () => void;
  /** What was sent, until it is known that somebody else came before. */
  readonly trying: (status: "approved" | "rejected" | null) => void;
}

/** The decision: one of two, each in a step that can be taken back, and then one that cannot. */
export function Decide(props: Props) {
  const { id, request } = props;
  const [way, setWay] = useState<"approve" | "reject" | null>(null);
  const failed = (error: Error) => {
    if (!(error instanceof Failure && error.code === "already-decided")) return;
    props.trying(null);
    props.look();
  };
  const taken = useMutation({
    mutationFn: () => approve(id),
    onMutate: () => props.trying("approved"),
    onSuccess: (now) => props.decided(now, `${now.tenant.id} is approved.`),
    onError: failed,
  });
  const refused = useMutation({
    mutationFn: (reason: string) => reject(id, reason),
    onMutate: () => props.trying("rejected"),
    onSuccess: (now) => props.decided(now, `${now.tenant.id} is turned down.`),
    onError: failed,
  });
  const busy = taken.isPending || refused.isPending;
  const error = taken.error ?? refused.error;
  const choose = (next: typeof way) => {
    taken.reset();
    refused.reset();
    setWay(next);
  };
  return (
    <section className="line" aria-labelledby="decide">
      <h2 id="decide">Decision</h2>
      <div className="stack">
        {error ? <Refused error={error} /> : null}
        {way === null ? (
          <Choice request={request} choose={choose} />
        ) : way === "approve" ? (
          <Approve
            request={request}
            busy={busy}
            back={() => choose(null)}
            go={() => taken.mutate()}
          />
        ) : (
          <Reject busy={busy} back={() => choose(null)} go={(reason) => refused.mutate(reason)} />
        )}
      </div>
    </section>
  );
}

function Choice(props: { request: Request; choose: (way: "approve" | "reject") => void }) {
  const can = approvable(props.request);
  return (
    <>
      {can ? null : <p>No plan fits, so there is nothing to approve. The reasons are below.</p>}
      <div className="onward">
        {can ? (
          <button type="button" className="action" onClick={() => props.choose("approve")}>
            Approve
          </button>
        ) : null}
        <button type="button" className="quiet" onClick={() => props.choose("reject")}>
          Turn down
        </button>
      </div>
    </>
  );
}

function Approve(props: { request: Request; busy: boolean; back: () => void; go: () => void }) {
  const { tenant, plan, profile, form } = props.request;
  return (
    <>
      <p>
        This opens the account <strong>{tenant.id}</strong> on plan <strong>{plan.key}</strong>,
        billed in {form?.currency} by the midnights of {form?.time_zone}, and has its tenant made on
        profile <strong>{[profile.key, ...profile.overlays].join(" with ")}</strong>. A decision
        stays; the plan can be changed later, the name cannot.
      </p>
      <div className="onward">
        <button
          type="button"
          className="action"
          // biome-ignore lint/a11y/noAutofocus: the step that was asked for takes the focus
          autoFocus
          disabled={props.busy}
          onClick={props.go}
        >
          {props.busy ? "Approving" : `Yes, approve ${tenant.id}`}
        </button>
        <button type="button" className="quiet" disabled={props.busy} onClick={props.back}>
          Not yet
        </button>
      </div>
    </>
  );
}

function Reject(props: { busy: boolean; back: () => void; go: (reason: string) => void }) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [reason, setReason] = useState("");
  const [asked, setAsked] = useState(false);
  const wrong = asked ? wrongReason(reason) : null;
  const send = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (wrongReason(reason) === null) props.go(oneLine(reason));
    else field.current?.focus();
  };
  return (
    <form className="stack" onSubmit={send} noValidate>
      <div className="field" data-wrong={wrong ? true : undefined}>
        <label htmlFor={id}>Reason</label>
        <p className="note" id={`${id}-hint`}>
          For customer success alone, in one line of up to {LONGEST_REASON} characters. The sender
          sees that it was turned down, not why: write to the contact.
        </p>
        <textarea
          id={id}
          ref={field}
          rows={3}
          dir="auto"
          // biome-ignore lint/a11y/noAutofocus: the step that was asked for takes the focus
          autoFocus
          value={reason}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={wrong ? `${id}-hint ${id}-wrong` : `${id}-hint`}
          onChange={(event) => setReason(event.target.value)}
        />
        {wrong ? (
          <p className="wrong note" id={`${id}-wrong`} role="alert">
            {wrong}
          </p>
        ) : null}
      </div>
      <div className="onward">
        <button type="submit" className="action" disabled={props.busy}>
          {props.busy ? "Turning down" : "Turn the request down"}
        </button>
        <button type="button" className="quiet" disabled={props.busy} onClick={props.back}>
          Not yet
        </button>
      </div>
    </form>
  );
}

function Refused({ error }: { error: Error }) {
  const said = refusal(error);
  const id = error instanceof Failure ? error.requestId : null;
  return (
    <div role="alert" className="summary">
      <p>
        <strong className="wrong">{said.what}</strong> {error.message}
      </p>
      <p>{said.next}</p>
      {said.again && id ? (
        <p className="note">When you ask for help, name the request {id}.</p>
      ) : null}
    </div>
  );
}
