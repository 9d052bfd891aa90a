/** How what is projected comes about: what it is computed from, and as of when. */
import { Rows } from "../components/Rows";
import { instant, money, quantity } from "../lib/format";
import { isBilled, meterName } from "../lib/price";
import type { Account, Meter } from "./one";

type Projection = NonNullable<Meter["projection"]>;
type Projected = Meter & { readonly projection: Projection };

function isProjected(meter: Meter): meter is Projected {
  return meter.projection != null;
}

/** How meters come to where they will end. */
export function Ends({ account, meters }: { account: Account; meters: readonly Meter[] }) {
  // Of what is not used there is nothing to say.
  const all = meters.filter(isProjected).filter(({ projection }) => Number(projection.units) > 0);
  if (all.length === 0) return null;
  return (
    <details>
      <summary>How do the ends come about?</summary>
      <div className="stack">
        <p>
          From use by day, as below, until {instant(account.as_of.at)}, row {account.as_of.row} of
          the ledger. To what was used by then comes an average day for each that is left: more or
          less of one by its weekday, where enough weeks have shown how those differ. What an
          average day counted in the last period, if there was one, weighs as much as three days of
          this one. The more days differ, the wider are the ranges. A straight line goes from
          nothing through what is used, for comparison.
        </p>
        <Rows
          look="listing"
          caption="What the ends are made of"
          heads={[
            "Meter",
            ["Used so far", "number"],
            ["An average day", "number"],
            ["Will end at", "number"],
            ["In a straight line", "number"],
          ]}
        >
          {all.map((meter) => (
            <Made key={meter.name} meter={meter} />
          ))}
        </Rows>
      </div>
    </details>
  );
}

function Made({ meter }: { meter: Projected }) {
  const { per_day: day, units, nearly_certain: range, linear } = meter.projection;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {meterName(meter.name)}
        <small>{meter.unit}</small>
      </th>
      <td role="cell" className="number" data-name="used so far">
        {quantity(meter.used)}
      </td>
      <td role="cell" className="number" data-name="an average day">
        {quantity(day)}
      </td>
      <td role="cell" className="number" data-name="will end at">
        {quantity(units)}
        <small>
          {quantity(range.low)} to {quantity(range.high)}, with 95%
        </small>
      </td>
      <td role="cell" className="number" data-name="in a straight line">
        {quantity(linear)}
      </td>
    </tr>
  );
}

/** How a period comes to what it will cost. */
export function Costs({ account }: { account: Account }) {
  const all = account.meters.filter(isProjected).filter(({ name }) => isBilled(name));
  const cost = account.projected_cost;
  if (!cost) return null;
  const ends = (of: (one: Projection) => string) =>
    all
      .filter(({ projection }) => Number(of(projection)) > 0)
      .map((one) => `${meterName(one.name)} ${quantity(of(one.projection))} ${one.unit}`)
      .join("; ");
  const rows = [
    ["As expected", ends((one) => one.units), cost.mean],
    ["Low, with 80%", ends((one) => one.likely.low), cost.likely.low],
    ["High, with 80%", ends((one) => one.likely.high), cost.likely.high],
  ] as const;
  return (
    <details>
      <summary>How does what it will cost come about?</summary>
      <div className="stack">
        <p>
          It is the bill of the whole period by the plan’s prices, fees and all, if the meters end
          as projected at {instant(account.as_of.at)}, row {account.as_of.row} of the ledger. A
          range is the bills of all lower and of all upper ends at once. How the ends come about,
          “Use” says.
        </p>
        <Rows
          look="listing"
          caption="What the period will cost, by where the meters end"
          heads={["Estimate", ["With ends of", "words"], ["Comes to", "number"]]}
        >
          {rows.map(([name, of, amount]) => (
            <tr role="row" key={name}>
              <th role="rowheader" scope="row">
                {name}
              </th>
              <td role="cell" className="words">
                {of || "nothing used"}
              </td>
              <td role="cell" className="number">
                {money(amount)}
              </td>
            </tr>
          ))}
        </Rows>
      </div>
    </details>
  );
}
