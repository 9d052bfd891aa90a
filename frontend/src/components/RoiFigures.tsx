import type { Schemas } from "../api/client";
import { round } from "../lib/format";
import { rows } from "../onboarding/roi";

type Roi = Schemas["RoiOut"];

/** The business case: what is gained against what it costs, drawn, and every figure in a table. */
export function RoiFigures({ roi, years }: { roi: Roi; years?: number }) {
  return (
    <div className="case">
      <Chart roi={roi} {...(years ? { years } : {})} />
      <table className="figures" role="table">
        <caption className="seen-by-readers-only">The business case, by estimate</caption>
        <thead role="rowgroup">
          <tr role="row">
            <td role="cell" />
            <th role="columnheader" scope="col">
              Cautious
            </th>
            <th role="columnheader" scope="col">
              Likely
            </th>
            <th role="columnheader" scope="col">
              Hopeful
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows(roi).map(({ name, unit, shown }) => (
            <tr role="row" key={name}>
              <th role="rowheader" scope="row">
                {name}
                {unit === "h" || unit === "months" ? `, ${unit}` : ""}
              </th>
              {["low", "base", "high"].map((estimate, index) => (
                <td role="cell" key={estimate}>
                  {shown[index]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ESTIMATES = [
  ["low", "Cautious"],
  ["base", "Likely"],
  ["high", "Hopeful"],
] as const;

/** Two bars for each estimate, on one scale. Lengths alone are numbers here; the table has the figures. */
function Chart({ roi, years }: { roi: Roi; years?: number }) {
  const size = (money: Schemas["MoneyOnWire"]) => Math.max(0, Number(money.amount));
  const all = ESTIMATES.flatMap(([at]) => [
    size(roi.present_benefit[at]),
    size(roi.present_cost[at]),
  ]);
  const most = Math.max(...all, 1);
  const said = ESTIMATES.map(
    ([at, word]) =>
      `${word}: benefits ${round(roi.present_benefit[at])}, costs ${round(roi.present_cost[at])}.`,
  );
  return (
    <figure className="chart">
      <figcaption>
        Benefits against costs{years ? ` over ${years} ${years === 1 ? "year" : "years"}` : ""}, at
        today’s value
      </figcaption>
      <svg role="img" aria-label={said.join(" ")} viewBox="0 0 100 42" preserveAspectRatio="none">
        {ESTIMATES.map(([at], index) => (
          <g key={at} transform={`translate(0 ${index * 15})`}>
            <rect
              className="gain"
              width={(size(roi.present_benefit[at]) / most) * 100}
              height="6"
            />
            <rect
              className="cost"
              y="6.6"
              width={(size(roi.present_cost[at]) / most) * 100}
              height="3"
            />
          </g>
        ))}
      </svg>
      <ol aria-hidden="true">
        {ESTIMATES.map(([at, word]) => (
          <li key={at}>
            <span>{word}</span>
            <span>
              {round(roi.present_benefit[at])} <small>for {round(roi.present_cost[at])}</small>
            </span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
