import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { submit } from "../api/client";
import { Failure, type FieldError } from "../api/problem";
import {
  addDepartment,
  addSign,
  type Draft,
  removeDepartment,
  removeSign,
} from "../onboarding/draft";
import { type Form, FormProvider } from "../onboarding/form";
import { dropDraft, forgetKey, idempotencyKey, keepReceipt } from "../onboarding/kept";
import { label } from "../onboarding/labels";
import { RunningAnswer } from "../onboarding/RunningAnswer";
import { StepBegin } from "../onboarding/StepBegin";
import { StepReview } from "../onboarding/StepReview";
import { StepSavings } from "../onboarding/StepSavings";
import { StepSuccess } from "../onboarding/StepSuccess";
import { StepWork } from "../onboarding/StepWork";
import { StepYou } from "../onboarding/StepYou";
import { missing, placeOf, STEPS, type StepKey } from "../onboarding/steps";
import { notWhole, useAnswer, useMoved } from "../onboarding/useAnswer";
import { useDraft } from "../onboarding/useDraft";
import { intake, NotWhole } from "../onboarding/wire";
import { usePage } from "../shell/usePage";

/** A letter with blanks: one group of questions at a time, the answer so far beside it. */
export function OnboardingFlow({ step }: { step: StepKey }) {
  const { draft, setDraft, change, clear, linked, undoLink } = useDraft();
  const answer = useAnswer(draft);
  const moved = useMoved(draft);
  const faults = useFaults(draft, answer.errors);
  const sending = useSending(draft, faults.refuse);
  const [, go] = useLocation();
  const here = STEPS.findIndex((one) => one.key === step);
  const title = STEPS[here]?.title ?? "";
  const heading = usePage(title);
  const form: Form = {
    draft,
    change: (at, text) => {
      faults.forget(at);
      change(at, text);
    },
    touch: faults.touch,
    errorOf: faults.of,
  };
  const next = (event: FormEvent) => {
    event.preventDefault();
    const open = step === "review" ? faults.everywhere() : faults.here(step);
    if (open.length > 0) return;
    const following = STEPS[here + 1];
    if (following) go(`/start/${following.key}`);
    else {
      faults.mended();
      sending.send();
    }
  };
  const list = faults.listed(step);
  return (
    <FormProvider value={form}>
      <div className="flow">
        <Steps step={step} />
        <form className="questions" onSubmit={next} noValidate>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {linked ? (
            <p className="note" role="status">
              The assumptions of the link are in the form.{" "}
              <button type="button" className="plain" onClick={undoLink}>
                Take them out again
              </button>
            </p>
          ) : null}
          {list.length > 0 ? <Summary draft={draft} errors={list} count={faults.asked} /> : null}
          {sending.trouble ? <Trouble error={sending.trouble} /> : null}
          <Step step={step} draft={draft} set={setDraft} answer={answer} />
          <div className="onward">
            <button type="submit" className="action" disabled={sending.busy}>
              {step === "review" ? (sending.busy ? "Sending" : "Send the request") : "Continue"}
            </button>
            {here > 0 ? (
              <Link className="quiet" href={`/start/${STEPS[here - 1]?.key ?? "you"}`}>
                Back
              </Link>
            ) : null}
          </div>
          <p className="note">
            What you type stays in this tab until you send it.{" "}
            <Clear
              clear={() => {
                clear();
                faults.reset();
              }}
            />
          </p>
        </form>
        <RunningAnswer answer={answer} moved={moved} />
      </div>
    </FormProvider>
  );
}

function Step(props: {
  step: StepKey;
  draft: Draft;
  set: (next: (draft: Draft) => Draft) => void;
  answer: ReturnType<typeof useAnswer>;
}) {
  const { set } = props;
  switch (props.step) {
    case "you":
      return <StepYou />;
    case "work":
      return (
        <StepWork
          add={() => set(addDepartment)}
          remove={(index) => set((draft) => removeDepartment(draft, index))}
        />
      );
    case "savings":
      return <StepSavings />;
    case "success":
      return (
        <StepSuccess
          add={() => set(addSign)}
          remove={(index) => set((draft) => removeSign(draft, index))}
        />
      );
    case "begin":
      return <StepBegin />;
    case "review":
      return <StepReview answer={props.answer} />;
  }
}

function Steps({ step }: { step: StepKey }) {
  return (
    <nav className="steps" aria-label="Groups of questions">
      <ol>
        {STEPS.map((one) => (
          <li key={one.key}>
            <Link href={`/start/${one.key}`} aria-current={one.key === step ? "step" : undefined}>
              {one.name}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** Empties the form, when asked twice. */
function Clear({ clear }: { clear: () => void }) {
  const [sure, setSure] = useState(false);
  if (!sure) {
    return (
      <button type="button" className="plain" onClick={() => setSure(true)}>
        Empty the form
      </button>
    );
  }
  return (
    <button
      type="button"
      className="plain wrong"
      onBlur={() => setSure(false)}
      onClick={(event) => {
        // The second press of a double click answers nothing.
        if (event.detail > 1) return;
        clear();
        setSure(false);
      }}
    >
      Empty it, everything is lost
    </button>
  );
}

/** What is wrong, each with the way to its field. Takes the focus when somebody wanted to go on. */
function Summary(props: { draft: Draft; errors: readonly FieldError[]; count: number }) {
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each time that somebody wanted to go on
  useEffect(() => box.current?.focus(), [props.count]);
  return (
    <div className="summary" role="alert" ref={box} tabIndex={-1}>
      <p>
        <strong className="wrong">
          {props.errors.length === 1 ? "One thing is" : `${props.errors.length} things are`} not
          right yet
        </strong>
      </p>
      <ul>
        {props.errors.map((error) => (
          <li key={error.pointer + error.detail}>
            <Where draft={props.draft} error={error} />: {error.detail}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Where({ draft, error }: { draft: Draft; error: FieldError }) {
  const place = placeOf(draft, error.pointer);
  if (!place) return <>{error.pointer || "The form"}</>;
  return (
    <Link
      href={`/start/${place.step}`}
      onClick={() => {
        // After the step that has it is on the page.
        requestAnimationFrame(() =>
          requestAnimationFrame(() => document.getElementById(place.at)?.focus()),
        );
      }}
    >
      {label(draft, place.at)}
    </Link>
  );
}

function Trouble({ error }: { error: Error }) {
  const id = error instanceof Failure ? error.requestId : null;
  const lost = !(error instanceof Failure) || error.status === 0 || error.status >= 500;
  return (
    <div className="summary" role="alert">
      <p>
        <strong className="wrong">
          {lost ? "It is not known whether the request arrived." : "The request was not sent."}
        </strong>{" "}
        {error.message}
        {lost ? " Sending it unchanged does not make a second one." : null}
      </p>
      {id ? <p className="note">When you ask for help, name the request {id}.</p> : null}
    </div>
  );
}

/** What is wrong with the draft, by whom it was said, and what of it is shown. */
function useFaults(draft: Draft, live: readonly FieldError[]) {
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<readonly FieldError[]>([]);
  const [shown, setShown] = useState<readonly StepKey[]>([]);
  const [asked, setAsked] = useState(0);
  const blank = (step: StepKey): FieldError[] =>
    missing(draft, step).map((pointer) => ({ pointer, code: "missing", detail: "is missing" }));
  const of = (step: StepKey, from = [...refused, ...live]): FieldError[] => {
    const said = from.filter((one) => placeOf(draft, one.pointer)?.step === step);
    const blanks = blank(step);
    const isBlank = (one: FieldError) => blanks.some((other) => other.pointer === one.pointer);
    return distinct([...blanks, ...said.filter((one) => !isBlank(one))]);
  };
  const all = (from?: FieldError[]) => STEPS.flatMap((step) => of(step.key, from));
  // What the server refused may be mended in another field: it is shown, and for it to judge anew.
  const open = [...live];
  const ask = (steps: readonly StepKey[], found: readonly FieldError[]) => {
    if (found.length > 0) {
      setShown(steps);
      setAsked((count) => count + 1);
    }
    return found;
  };
  return {
    /** How often somebody wanted to go on and could not. */
    asked,
    touch: (at: string) => setTouched((old) => new Set(old).add(at)),
    forget: (at: string) =>
      setRefused((old) => old.filter((one) => placeOf(draft, one.pointer)?.at !== at)),
    refuse: (errors: readonly FieldError[]) => {
      setRefused(errors);
      ask(["review"], errors);
    },
    mended: () => setRefused([]),
    reset: () => {
      setTouched(new Set());
      setRefused([]);
      setShown([]);
    },
    here: (step: StepKey) => ask([step], of(step, open)),
    everywhere: () => ask(["review"], all(open)),
    listed: (step: StepKey): readonly FieldError[] => {
      if (!shown.includes(step)) return [];
      if (step !== "review") return of(step);
      const lost = refused.filter((one) => placeOf(draft, one.pointer) === null);
      return distinct([...all(), ...lost]);
    },
    of: (at: string): FieldError | undefined => {
      const place = placeOf(draft, at);
      if (!place) return undefined;
      const wanted = touched.has(at) || shown.includes(place.step) || shown.includes("review");
      const mine = of(place.step).find((one) => placeOf(draft, one.pointer)?.at === at);
      return wanted ? mine : undefined;
    },
  };
}

function distinct(errors: readonly FieldError[]): FieldError[] {
  const seen = new Map(errors.map((one) => [one.pointer + one.detail, one]));
  return [...seen.values()];
}

/** Sends the form once, however often somebody presses. */
function useSending(draft: Draft, refuse: (errors: readonly FieldError[]) => void) {
  const [, go] = useLocation();
  const sending = useMutation({
    mutationFn: () => submit(intake(draft), idempotencyKey()),
    onSuccess: ({ follow, receipt_token }) => {
      const id = follow.slice(follow.lastIndexOf("/") + 1);
      keepReceipt(id, receipt_token);
      dropDraft();
      forgetKey();
      go(`/requests/${id}`);
    },
    onError: (error) => {
      if (error instanceof NotWhole) refuse(error.at.map((at) => notWhole(at)));
      if (error instanceof Failure) refuse(error.errors);
    },
  });
  const onFields =
    sending.error instanceof NotWhole ||
    (sending.error instanceof Failure && sending.error.errors.length > 0);
  return {
    busy: sending.isPending,
    trouble: onFields ? null : sending.error,
    send: () => {
      if (!sending.isPending) sending.mutate();
    },
  };
}
