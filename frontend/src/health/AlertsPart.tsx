import { Pages } from "../access/Pages";
import { usePages } from "../access/usePages";
import type { Schemas } from "../api/client";
import { AsOf } from "../components/AsOf";
import { Rows } from "../components/Rows";
import { instant, quantity } from "../lib/format";
import { meterName } from "../lib/price";
import { alerts } from "./one";

/** How often alerts are looked for, in milliseconds. */
const AGAIN = 60_000;

/** Which levels of which quotas were reached, and which recovered; the newest first. */
export function AlertsPart({ id }: { id: string }) {
  const list = usePages(["alerts", id], (next, signal) => alerts(id, next, signal), AGAIN);
  return (
    <section className="line" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      <div className="stack wider">
        <Pages list={list} what="The alerts" more="Older alerts">
          {(rows) => <Found rows={rows} />}
        </Pages>
        {list.data ? <AsOf at={list.dataUpdatedAt} /> : null}
      </div>
    </section>
  );
}

function Found({ rows }: { rows: readonly Schemas["Alerts"]["data"][number][] }) {
  if (rows.length === 0) return <p>No mark of any quota was reached.</p>;
  return (
    <Rows
      look="listing"
      caption="Alerts, the newest first"
      heads={["When", ["What", "words"], ["Used then", "number"]]}
    >
      {rows.map((one) => (
        <tr role="row" key={`${one.row} ${one.meter} ${one.level} ${one.kind} ${one.at}`}>
          <th role="rowheader" scope="row">
            {instant(one.at)}
          </th>
          <td role="cell" className="words">
            {meterName(one.meter)}:{" "}
            {one.kind === "threshold_reached"
              ? `reached ${one.percent}% of the quota`
              : `fell clearly below ${one.percent}% again`}
            {one.arming > 1 ? `, for the ${ordinal(one.arming)} time` : null}
          </td>
          <td role="cell" className="number" data-name="used then">
            {quantity(one.used)} {one.quota ? `of ${quantity(one.quota)} ` : ""}
            {one.unit}
          </td>
        </tr>
      ))}
    </Rows>
  );
}

function ordinal(n: number): string {
  const ends = new Intl.PluralRules("en", { type: "ordinal" }).select(n);
  return `${n}${{ one: "st", two: "nd", few: "rd" }[ends as string] ?? "th"}`;
}
