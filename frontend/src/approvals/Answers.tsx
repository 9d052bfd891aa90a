import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { Assumptions, saves } from "../components/Assumptions";
import { RoiFigures } from "../components/RoiFigures";
import { day } from "../lib/day";
import { count, exact, money, round } from "../lib/format";
import { meterName } from "../lib/price";
import { sentence } from "../onboarding/form";
import type { Request } from "./ask";

type Form = Schemas["IntakeIn"];

/** What a stranger wrote stands as text, in its own direction, and is never markup. */
export function Answers({ request: { form } }: { request: Request }) {
  if (!form) return null;
  return (
    <section className="line" aria-labelledby="answers">
      <h2 id="answers">What they want</h2>
      <div className="stack">
        <p className="words" dir="auto">
          {form.use_case}
        </p>
        <dl className="facts">
          <Fact name="Purpose">
            {form.purpose === "evaluation" ? "To try it" : "To work with it"}
          </Fact>
          <Fact name="Work begins on">
            {day(form.go_live_date)} ({form.time_zone})
          </Fact>
          <Fact name="Talk to">
            <bdi>{form.contact.name}</bdi>, <bdi>{form.contact.email}</bdi>
          </Fact>
          <Fact name="Support answers within">
            {form.support_hours == null ? "any time" : `${form.support_hours} h`}
          </Fact>
          {form.voice_minutes ? (
            <Fact name="Minutes of speech a month">{count(form.voice_minutes)}</Fact>
          ) : null}
          {Object.entries(form.usage ?? {}).map(([meter, { base }]) => (
            <Fact key={meter} name={`${meterName(meter)} a month`}>
              {exact(base)}
            </Fact>
          ))}
          <Fact name="Billed in">
            {form.currency}, periods from day {form.anchor_day ?? 1}
          </Fact>
        </dl>
        <Departments form={form} />
        <Signs form={form} />
      </div>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Departments({ form }: { form: Form }) {
  return (
    <>
      <h3>Who saves time</h3>
      <ul className="plainly">
        {form.departments.map((one) => (
          <li key={one.name}>
            <bdi>{one.name}</bdi>: {saves(one)}
          </li>
        ))}
      </ul>
    </>
  );
}

function Signs({ form }: { form: Form }) {
  const signs = form.success_criteria ?? [];
  return (
    <>
      <h3>How they will see that it works</h3>
      {signs.length === 0 ? (
        <p>They gave no signs of success. Agree on some before work begins.</p>
      ) : (
        <ul className="plainly">
          {signs.map(({ text, by }) => (
            <li key={text}>
              <bdi>{text}</bdi>
              {by ? <> · by {day(by)}</> : null}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What they were told: plan, profile and business case, as of the day on which the form came. */
export function Fits({ request: { plan, profile, roi, assumptions } }: { request: Request }) {
  return (
    <>
      <section className="line" aria-labelledby="fits">
        <h2 id="fits">What fits</h2>
        <div className="stack">
          <p>
            {plan.key ? (
              <>
                Plan <strong>{plan.key}</strong>
                {plan.expected ? <>, {money(plan.expected)} a month expected</> : null}
                {plan.monthly ? (
                  <>
                    {" "}
                    ({round(plan.monthly.low)} to {round(plan.monthly.high)})
                  </>
                ) : null}
                .
              </>
            ) : (
              <strong>No plan fits.</strong>
            )}{" "}
            Profile <strong>{[profile.key, ...profile.overlays].join(" with ")}</strong>.
          </p>
          <Lines lines={[...plan.reasons, ...profile.reasons]} />
          {plan.would_change_if.length > 0 ? (
            <>
              <h3>It would change</h3>
              <Lines lines={plan.would_change_if} />
            </>
          ) : null}
          <p className="note">
            By the prices of the day on which the form came. Approving takes exactly this.
          </p>
        </div>
      </section>
      <section className="line" aria-labelledby="pays">
        <h2 id="pays">Whether it pays</h2>
        <div className="stack">
          {roi ? (
            <>
              <p>
                Left of a full year: <strong>{round(roi.annual_net.base)}</strong> (
                {round(roi.annual_net.low)} to {round(roi.annual_net.high)}). Estimates of the
                customer, before taxes.
              </p>
              <RoiFigures roi={roi} {...(assumptions ? { years: assumptions.years } : {})} />
            </>
          ) : (
            <p>No plan fits, so nothing was worked out.</p>
          )}
          {assumptions ? <Assumptions given={assumptions} /> : null}
        </div>
      </section>
    </>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  return (
    <ul className="plainly">
      {lines.map((line) => (
        <li key={line}>{sentence(line)}.</li>
      ))}
    </ul>
  );
}
