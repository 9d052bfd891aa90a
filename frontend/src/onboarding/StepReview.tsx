import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { plans } from "../api/client";
import { PriceTable } from "../components/PriceTable";
import { RoiFigures } from "../components/RoiFigures";
import { csv, download } from "../lib/csv";
import { type Draft, value } from "./draft";
import { sentence, useForm } from "./form";
import { label, shown } from "./labels";
import { fragment } from "./link";
import { breakEven, ROI_WORDS, sheet } from "./roi";
import { fields, STEPS, type StepKey } from "./steps";
import type { Answer } from "./useAnswer";

export function StepReview({ answer }: { answer: Answer }) {
  return (
    <>
      <Said />
      <Comparison answer={answer} />
      <Case answer={answer} />
    </>
  );
}

function filled(draft: Draft, step: StepKey): string[] {
  return fields(draft, step).filter((at) => value(draft, at).trim() !== "");
}

/** All answers, with the way back to each group. */
function Said() {
  const { draft } = useForm();
  return (
    <>
      {STEPS.filter((step) => step.key !== "review").map((step) => (
        <section className="said" key={step.key} aria-labelledby={`said-${step.key}`}>
          <h2 id={`said-${step.key}`}>
            {step.name}{" "}
            <Link href={`/start/${step.key}`}>
              Change<span className="seen-by-readers-only"> {step.name}</span>
            </Link>
          </h2>
          {filled(draft, step.key).length === 0 ? <p className="note">Nothing yet.</p> : null}
          <dl>
            {filled(draft, step.key).map((at) => (
              <div key={at}>
                <dt>{label(draft, at)}</dt>
                <dd dir="auto">{shown(draft, at)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}

function Comparison({ answer: { advice } }: { answer: Answer }) {
  const list = useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => plans(signal) });
  if (!advice || !list.data) return null;
  return (
    <section className="wide" aria-labelledby="comparison">
      <h2 id="comparison">The plans, with your use</h2>
      <PriceTable plans={list.data.plans} caption="The plans, with your use" advice={advice} />
      <p>
        Profile <strong>{[advice.profile.key, ...advice.profile.overlays].join(" with ")}</strong>
      </p>
      <ul>
        {[...advice.reasons, ...advice.profile.reasons].map((reason) => (
          <li key={reason}>{sentence(reason)}.</li>
        ))}
      </ul>
      {advice.would_change_if.length > 0 ? (
        <>
          <h3>It would change</h3>
          <ul>
            {advice.would_change_if.map((change) => (
              <li key={change}>{sentence(change)}.</li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}

function Case({ answer: { advice, roi } }: { answer: Answer }) {
  const { draft } = useForm();
  const [copied, setCopied] = useState<boolean | null>(null);
  if (!roi) return null;
  const years = Number(value(draft, "/roi/years"));
  const address = `${window.location.origin}/start${fragment(draft)}`;
  const copy = () => {
    const written = navigator.clipboard?.writeText(address) ?? Promise.reject();
    written.then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <section className="wide" aria-labelledby="case">
      <h2 id="case">Whether it pays</h2>
      <RoiFigures roi={roi} years={years} />
      <p>
        {ROI_WORDS.breakEven}: <strong>{breakEven(roi)}</strong>.
      </p>
      <p className="note">
        Worked out from the assumptions above with twelve expected months of the plan, before taxes.
        An estimate, not a promise.
      </p>
      <div className="take">
        <button
          type="button"
          className="quiet"
          onClick={() =>
            download("business-case.csv", csv(sheet(draft, advice?.plan?.key ?? null, roi)))
          }
        >
          Save as CSV
        </button>
        <button type="button" className="quiet" onClick={copy}>
          Copy a link to the assumptions
        </button>
        <p className="note" role="status">
          {copied === null
            ? null
            : copied
              ? "Copied. It has your figures, no names and no contact."
              : "The browser did not let it be copied: take it from the field below."}
        </p>
      </div>
      <label className="field">
        The link, to copy by hand
        <input
          className="address"
          readOnly
          value={address}
          onFocus={(event) => event.target.select()}
        />
      </label>
    </section>
  );
}
