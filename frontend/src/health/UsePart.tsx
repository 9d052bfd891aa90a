import { useState } from "react";
import { NotShown } from "../access/NotShown";
import { useAuthorised } from "../access/useAuthorised";
import { Rows } from "../components/Rows";
import { day } from "../lib/day";
import { instant, quantity, used } from "../lib/format";
import { meterName } from "../lib/price";
import { Bar } from "./Bar";
import { type Account, daily, type Meter } from "./one";
import { Ends } from "./Projected";
import { UseChart } from "./UseChart";
import { useAnew } from "./useAnew";
import * as words from "./words";

/** Every meter against its quota, and one of them by day. */
export function UsePart({ account }: { account: Account }) {
  const meters = account.meters.filter((meter) => meter.quota || Number(meter.used) !== 0);
  const [chosen, choose] = useState<string | null>(null);
  const meter = meters.find((one) => one.name === (chosen ?? account.highest?.meter)) ?? meters[0];
  return (
    <section className="line" aria-labelledby="use">
      <h2 id="use">Use</h2>
      <div className="stack wider">
        {meter ? (
          <>
            <Meters meters={meters} />
            <Ends account={account} meters={meters} />
            <div className="field pick">
              <label htmlFor="meter">By day</label>
              <select
                id="meter"
                value={meter.name}
                onChange={(event) => choose(event.target.value)}
              >
                {meters.map((one) => (
                  <option key={one.name} value={one.name}>
                    {meterName(one.name)}
                  </option>
                ))}
              </select>
            </div>
            <Daily account={account} meter={meter} />
          </>
        ) : (
          <p>Nothing was used in this period, and no quota is agreed.</p>
        )}
      </div>
    </section>
  );
}

function Meters({ meters }: { meters: readonly Meter[] }) {
  return (
    <Rows
      look="listing"
      caption="Use in this period, by meter"
      heads={["Meter", ["Of the quota", "words"], ["Used", "number"], ["Will end at", "number"]]}
    >
      {meters.map((meter) => (
        <tr role="row" key={meter.name}>
          <th role="rowheader" scope="row">
            {meterName(meter.name)}
            <small>{meter.unit}</small>
          </th>
          <td role="cell" className="words">
            <Share meter={meter} />
          </td>
          <td role="cell" className="number" data-name="used">
            {quantity(meter.used)}
            <small>{meter.quota ? `of ${quantity(meter.quota)}` : "no quota"}</small>
          </td>
          <td role="cell" className="number" data-name="will end at">
            <End meter={meter} />
          </td>
        </tr>
      ))}
    </Rows>
  );
}

function Share({ meter }: { meter: Meter }) {
  if (!meter.ratio) return <>{words.NOTHING}</>;
  const reached = words.level(meter.level);
  return (
    <>
      <Bar ratio={meter.ratio} level={meter.level} />
      <small data-level={meter.level}>
        {used(meter.ratio)}
        {reached ? `, ${reached}` : null}
      </small>
    </>
  );
}

function End({ meter: { projection } }: { meter: Meter }) {
  if (!projection) return <small>too early to say</small>;
  const { units, likely, exhausted_on } = projection;
  return (
    <>
      {quantity(units)}
      <small>
        {quantity(likely.low)} to {quantity(likely.high)}
      </small>
      {exhausted_on ? <small>used up on {day(exhausted_on)}</small> : null}
    </>
  );
}

function Daily({ account, meter }: { account: Account; meter: Meter }) {
  const { account: id, period } = account;
  const asked = useAuthorised(["daily", id, meter.name, period.start], (signal) =>
    daily(id, meter.name, period.start, signal),
  );
  useAnew(account.as_of.row, asked.refetch);
  if (asked.isPending) return <p role="status">Use by day is on its way.</p>;
  if (!asked.data) {
    return (
      <NotShown
        what="Use by day is not here."
        error={asked.error}
        again={() => void asked.refetch()}
      />
    );
  }
  const days = asked.data.data.filter((one) => one.from < asked.data.as_of.at);
  return (
    <>
      {asked.error ? (
        <NotShown what="This may be old." error={asked.error} again={() => void asked.refetch()} />
      ) : null}
      <UseChart period={period} meter={meter} timeline={asked.data} />
      <details className="note">
        <summary>As a table</summary>
        <table className="listing">
          <caption className="seen-by-readers-only">{meterName(meter.name)} by day</caption>
          <thead>
            <tr>
              <th scope="col">Day, from</th>
              <th scope="col" className="number">
                {meter.unit}
              </th>
            </tr>
          </thead>
          <tbody>
            {days.toReversed().map((one) => (
              <tr key={one.from}>
                <th scope="row">{instant(one.from, undefined, asked.data.time_zone)}</th>
                <td className="number">{quantity(one.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p>
          Read at {instant(asked.data.as_of.at)}, row {asked.data.as_of.row} of the ledger.
        </p>
      </details>
    </>
  );
}
