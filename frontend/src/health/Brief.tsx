import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { useAuthorised } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { Assumptions } from "../components/Assumptions";
import { RoiFigures } from "../components/RoiFigures";
import { Rows } from "../components/Rows";
import { day } from "../lib/day";
import { instant, money, quantity, round } from "../lib/format";
import { meterName } from "../lib/price";
import { sentence } from "../onboarding/form";
import { usePage } from "../shell/usePage";
import { account, brief, idOf } from "./one";
import * as words from "./words";

/** What customer success hands on, to read or to print. */
export function Brief({ id, back }: { id: string; back: string }) {
  const heading = usePage(`Brief: ${id}`);
  const found = useAuthorised(["account", id], (signal) => account(id, signal));
  const at = found.data?.request ?? null;
  const asked = useAuthorised(["brief", id, at], (signal) => brief(idOf(at ?? ""), signal), {
    enabled: at !== null,
  });
  const error = found.error ?? asked.error;
  return (
    <>
      <div className="letter">
        <p className="back">
          <Link href={back}>Back to the customer</Link>
        </p>
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{asked.data?.display_name ?? id}</bdi>
        </h1>
        {error ? (
          <NotShown
            what="The brief is not here."
            error={error}
            again={() => void (found.error ? found.refetch() : asked.refetch())}
          />
        ) : found.data && at === null ? (
          <p>
            There is no request to brief from: this customer came another way, or your token may not
            see it.
          </p>
        ) : asked.data ? (
          <Head brief={asked.data} />
        ) : (
          <p role="status">The brief is on its way.</p>
        )}
      </div>
      {asked.data ? <Whole brief={asked.data} /> : null}
    </>
  );
}

function Head({ brief }: { brief: Schemas["BriefOut"] }) {
  return (
    <>
      <p>
        Tenant {brief.tenant}, {brief.status.replaceAll("_", " ")}. Asked on{" "}
        {instant(brief.submitted_at)}; plan, profile and business case are of that day.
      </p>
      <p>
        <bdi>{brief.contact.name}</bdi>, <bdi>{brief.contact.email}</bdi>
      </p>
      <p>
        Work begins on {day(brief.go_live_date)}, by the calendar of {brief.time_zone}.
      </p>
      <div className="onward">
        <button type="button" className="quiet" onClick={() => window.print()}>
          Print
        </button>
      </div>
    </>
  );
}

function Whole({ brief }: { brief: Schemas["BriefOut"] }) {
  return (
    <>
      <Part id="what" name="What it is for">
        <p className="asked" dir="auto">
          {brief.use_case}
        </p>
      </Part>
      <Part id="plans" name="Plans">
        <Plans compared={brief.comparison} />
        <Reasons all={[...brief.plan.reasons, ...brief.plan.would_change_if]} />
      </Part>
      <Part id="profile" name="Profile">
        <p>{[brief.profile.key, ...brief.profile.overlays].join(" with ")}</p>
        <Reasons all={brief.profile.reasons} />
      </Part>
      <Part id="case" name="Business case">
        {brief.roi ? (
          <>
            <p>
              Left of a full year: <strong>{round(brief.roi.annual_net.base)}</strong> (
              {round(brief.roi.annual_net.low)} to {round(brief.roi.annual_net.high)}).
            </p>
            <RoiFigures roi={brief.roi} years={brief.assumptions.years} />
          </>
        ) : (
          <p>No plan fits, so nothing was worked out.</p>
        )}
        <Assumptions given={brief.assumptions} who />
      </Part>
      <Part id="signs" name="How it shows that it goes well">
        <ul className="plainly">
          {brief.criteria.map((one) => (
            <li key={one.what}>
              <bdi>{one.what}</bdi> <Shows by={one.measured_by} />
            </li>
          ))}
        </ul>
      </Part>
    </>
  );
}

function Shows({ by }: { by: string }) {
  const where = words.shows(by);
  return where ? <span className="note">Shows in {where}.</span> : null;
}

function Part(props: { id: string; name: string; children: React.ReactNode }) {
  return (
    <section className="line" aria-labelledby={`brief-${props.id}`}>
      <h2 id={`brief-${props.id}`}>{props.name}</h2>
      <div className="stack">{props.children}</div>
    </section>
  );
}

function Reasons({ all }: { all: readonly string[] }) {
  return (
    <ul className="plainly">
      {all.map((reason) => (
        <li key={reason}>{sentence(reason)}.</li>
      ))}
    </ul>
  );
}

function Plans({ compared }: { compared: readonly Schemas["ComparedOut"][] }) {
  return (
    <Rows
      look="listing"
      caption="The plans that were on sale"
      heads={["Plan", ["Included in a month", "words"], ["By the estimates, a month", "number"]]}
    >
      {compared.map((one) => (
        <tr role="row" key={one.plan.key}>
          <th role="rowheader" scope="row">
            {one.plan.key}
            <small>
              {one.recommended ? "recommended; " : ""}
              {money(one.base)}, support within {one.support_hours} h
            </small>
          </th>
          <td role="cell" className="words">
            {one.included
              .map((part) => `${meterName(part.meter)}: ${quantity(part.quantity)} ${part.unit}`)
              .join("; ")}
          </td>
          <td role="cell" className="number" data-name="a month">
            {one.monthly ? (
              <>
                {money(one.monthly.base)}
                <small>
                  {round(one.monthly.low)} to {round(one.monthly.high)}
                </small>
              </>
            ) : (
              (one.excluded ?? "–")
            )}
          </td>
        </tr>
      ))}
    </Rows>
  );
}
