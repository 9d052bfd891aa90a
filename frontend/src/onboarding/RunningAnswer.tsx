import { useEffect, useState } from "react";
import { round } from "../lib/format";
import { sentence } from "./form";
import { breakEven, months, ROI_WORDS } from "./roi";
import type { Answer } from "./useAnswer";

/** The answer so far, always in view: plan, what it costs, what the first full year comes to. */
export function RunningAnswer({ answer, moved }: { answer: Answer; moved: string | null }) {
  const { advice, roi } = answer;
  return (
    <aside
      className="answer"
      aria-label="The answer so far"
      data-behind={answer.behind || undefined}
    >
      <Spoken answer={answer} />
      {answer.trouble ? (
        <p role="alert">
          <span className="wrong">The answer is not up to date.</span> {answer.trouble.message}{" "}
          <button type="button" className="plain" onClick={answer.again}>
            Try again
          </button>
        </p>
      ) : null}
      {advice ? (
        <dl>
          <div>
            <dt>Plan</dt>
            <dd>{advice.plan ? <strong>{advice.plan.key}</strong> : "None fits"}</dd>
          </div>
          <div className="extra">
            <dt>Profile</dt>
            <dd>{[advice.profile.key, ...advice.profile.overlays].join(" with ")}</dd>
          </div>
          <Cost answer={answer} />
          {roi ? (
            <>
              <div>
                <dt>Left of a full year</dt>
                <dd>
                  {round(roi.annual_net.low)} to {round(roi.annual_net.high)}
                </dd>
              </div>
              <div>
                <dt>Paid back</dt>
                <dd>{months(roi.payback_months)}</dd>
              </div>
              <div className="extra">
                <dt>{ROI_WORDS.breakEven}</dt>
                <dd>{breakEven(roi)}</dd>
              </div>
            </>
          ) : null}
        </dl>
      ) : (
        <p>The answer comes as you type.</p>
      )}
      {advice ? <Why advice={advice} /> : null}
      {advice && advice.would_change_if.length > 0 ? (
        <details>
          <summary>What would change it</summary>
          <ul>
            {advice.would_change_if.map((change) => (
              <li key={change}>{sentence(change)}.</li>
            ))}
          </ul>
        </details>
      ) : null}
      {moved ? <p className="note moved">With {moved}.</p> : null}
    </aside>
  );
}

/** Why this plan and this profile. Where the answer stands at the foot, the first reason alone has room. */
function Why({ advice }: { advice: NonNullable<Answer["advice"]> }) {
  return (
    <ul className="why" aria-label="Why">
      {[...advice.reasons, ...advice.profile.reasons].map((reason) => (
        <li key={reason}>{sentence(reason)}.</li>
      ))}
    </ul>
  );
}

function Cost({ answer: { advice } }: { answer: Answer }) {
  const taken = advice?.ranking.find((one) => one.plan.key === advice.plan?.key);
  if (!taken) return null;
  return (
    <div>
      <dt>Expected a month</dt>
      <dd>
        {round(taken.expected)}
        {taken.costs.low.amount === taken.costs.high.amount ? null : (
          <small>
            {round(taken.costs.low)} to {round(taken.costs.high)}
          </small>
        )}
      </dd>
    </div>
  );
}

/** How long the answer stands before it is read out: not at every digit, in milliseconds. */
const QUIET = 1_500;

/** The answer in one sentence, for who cannot see it change. */
function Spoken({ answer }: { answer: Answer }) {
  const { advice, roi, behind } = answer;
  const plan = advice?.plan ? `Plan ${advice.plan.key}` : "No plan fits";
  const left = roi ? `, likely left of a full year ${round(roi.annual_net.base)}` : "";
  const said = advice && !behind ? `${plan}${left}.` : null;
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSpoken(said), QUIET);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <p className="seen-by-readers-only" role="status">
      {spoken}
    </p>
  );
}
