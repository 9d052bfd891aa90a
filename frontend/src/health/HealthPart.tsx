import type { Schemas } from "../api/client";
import { Rows } from "../components/Rows";
import { figure, hundredths, instant, percent, used } from "../lib/format";
import { sentence } from "../onboarding/form";
import type { Account } from "./one";
import { path, runs } from "./points";
import * as words from "./words";

/** Health, what it is made of, and the change that would help most. */
export function HealthPart({ account }: { account: Account }) {
  const { health } = account;
  return (
    <section className="line" aria-labelledby="health">
      <h2 id="health">Health</h2>
      <div className="stack wider">
        <div className="beside-line">
          <p>
            <strong className="large">{words.health(health.score)}</strong>
            <br />
            <span className="note">
              {words.standing(account.standing)}; {percent(health.coverage)} of what it is made of
              is known
            </span>
          </p>
          <Line days={account.line} />
        </div>
        <Help health={health} />
        <Factors health={health} />
        <How health={health} />
      </div>
    </section>
  );
}

function Help({ health }: { health: Schemas["HealthOut"] }) {
  const { best, remedy } = health;
  if (!best && !remedy) return null;
  return (
    <div>
      {remedy ? (
        <>
          <p>For the flag to be taken back:</p>
          <ul className="plainly">
            {remedy.steps.map((step) => (
              <li key={step.factor}>{sentence(step.what)}</li>
            ))}
          </ul>
          <p>Health would be {figure(remedy.score)}.</p>
        </>
      ) : best ? (
        <p>
          Most is to be gained by {best.factor}: {best.advice}. Up to {figure(best.gain)} more.
        </p>
      ) : null}
    </div>
  );
}

function Factors({ health }: { health: Schemas["HealthOut"] }) {
  return (
    <Rows
      look="listing"
      caption="What health is made of"
      heads={[
        "Factor",
        ["What was measured", "words"],
        ["Weight", "number"],
        ["Points", "number"],
        ["Brings", "number"],
      ]}
    >
      {health.factors.map((factor) => (
        <tr role="row" key={factor.name}>
          <th role="rowheader" scope="row">
            {sentence(factor.name)}
            {health.best?.factor === factor.name ? <small>most to be gained here</small> : null}
          </th>
          <td role="cell" className="words">
            {factor.input ? sentence(factor.input) : "Nothing is known"}
          </td>
          <td role="cell" className="number" data-name="weight">
            {figure(factor.weight)}
          </td>
          <td role="cell" className="number" data-name="points">
            {factor.points ? hundredths(factor.points) : words.NOTHING}
          </td>
          <td role="cell" className="number" data-name="brings">
            {words.health(factor.contribution)}
          </td>
        </tr>
      ))}
    </Rows>
  );
}

function How({ health }: { health: Schemas["HealthOut"] }) {
  return (
    <details>
      <summary>How does this come about?</summary>
      <div className="stack">
        <p>
          Each factor has from 0 to 1 points for what was measured. Points are weighed; what nothing
          is known of is left out, and the other weights stand for all. What the factors bring adds
          up to {words.health(health.before_caps)}.
        </p>
        {health.caps.length > 0 ? (
          <ul className="plainly">
            {health.caps.map((cap) => (
              <li key={cap.name}>
                It is held at {figure(cap.limit)} at most, because {cap.reason}.
              </li>
            ))}
          </ul>
        ) : (
          <p>Nothing holds it down beyond that.</p>
        )}
        <p>
          A flag goes up below 0.75, and is taken back after two summaries at 0.78 or more; with
          less than {percent("0.6")} known, nothing is decided.
        </p>
      </div>
    </details>
  );
}

const [WIDTH, HEIGHT] = [280, 56];

/** Health over the last twelve weeks, as a line and as a table. */
function Line({ days }: { days: readonly Schemas["PointOut"][] }) {
  if (days.length === 0) {
    return <p className="note">There is no line yet: it has a point for each day.</p>;
  }
  const day = (at: string) => Math.floor(Date.parse(at) / 86_400_000);
  const last = day(days.at(-1)?.at ?? "");
  const values = Array.from({ length: 84 }, (_, index) => {
    const found = days.find((one) => day(one.at) === last - 83 + index);
    return found?.health ? Number(found.health) : null;
  });
  const flag = HEIGHT * 0.25;
  return (
    <figure className="over-time">
      <figcaption className="note">Twelve weeks; the rule is at 0.75</figcaption>
      <svg viewBox={`-3 -3 ${WIDTH + 6} ${HEIGHT + 6}`} aria-hidden="true">
        <line className="flag" x1="0" x2={WIDTH} y1={flag} y2={flag} />
        <line className="foot" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
        {runs(values, WIDTH, HEIGHT).map((run) => {
          const [first] = run;
          if (!first) return null;
          const [x, y] = first;
          return run.length === 1 ? (
            <circle key={x} cx={x} cy={y} r="2.5" />
          ) : (
            <path key={x} d={path(run)} />
          );
        })}
      </svg>
      <details className="note">
        <summary>As a table</summary>
        <table className="listing">
          <caption className="seen-by-readers-only">Health by day</caption>
          <thead>
            <tr>
              <th scope="col">Summed up</th>
              <th scope="col" className="number">
                Health
              </th>
              <th scope="col" className="number">
                Most used quota
              </th>
            </tr>
          </thead>
          <tbody>
            {days.toReversed().map((one) => (
              <tr key={one.at}>
                <th scope="row">
                  {instant(one.at)}
                  {one.stale ? <small>more came to be known later</small> : null}
                </th>
                <td className="number">{words.health(one.health)}</td>
                <td className="number">{one.ratio ? used(one.ratio) : words.NOTHING}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
