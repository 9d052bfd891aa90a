import { NotShown } from "../access/NotShown";
import { every, useAuthorised } from "../access/useAuthorised";
import { instant, quantity } from "../lib/format";
import { meterName } from "../lib/price";
import { alerts } from "./one";

/** Which levels of which quotas were reached, and which recovered; the newest first. */
export function AlertsPart({ id }: { id: string }) {
  const asked = useAuthorised(["alerts", id], (signal) => alerts(id, signal), {
    refetchInterval: every(60_000),
  });
  return (
    <section className="line" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {asked.isPending ? (
        <p role="status">The alerts are on their way.</p>
      ) : asked.data ? (
        asked.data.data.length === 0 ? (
          <p>No mark of any quota was reached.</p>
        ) : (
          <table className="listing" role="table">
            <caption className="seen-by-readers-only">Alerts, the newest first</caption>
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col">
                  When
                </th>
                <th role="columnheader" scope="col" className="words">
                  What
                </th>
                <th role="columnheader" scope="col" className="number">
                  Used then
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {asked.data.data.map((one) => (
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
            </tbody>
          </table>
        )
      ) : (
        <NotShown
          what="The alerts are not here."
          error={asked.error}
          again={() => void asked.refetch()}
        />
      )}
    </section>
  );
}

function ordinal(n: number): string {
  const ends = new Intl.PluralRules("en", { type: "ordinal" }).select(n);
  return `${n}${{ one: "st", two: "nd", few: "rd" }[ends as string] ?? "th"}`;
}
