import { type ReactNode, useState } from "react";
import { NotShown } from "../access/NotShown";
import { useAuthorised } from "../access/useAuthorised";
import type { Schemas } from "../api/client";
import { Rows } from "../components/Rows";
import { exact, instant, money, price, quantity } from "../lib/format";
import { meterName } from "../lib/price";
import { sentence } from "../onboarding/form";
import { EventList } from "./EventList";
import { type Account, explain } from "./one";
import { Costs } from "./Projected";
import { useAnew } from "./useAnew";

/** What the period will cost, and how what it has cost so far comes about. */
export function CostPart({ account }: { account: Account }) {
  const cost = account.projected_cost;
  const [asked, ask] = useState(false);
  return (
    <section className="line" aria-labelledby="cost">
      <h2 id="cost">Cost</h2>
      <div className="stack wider">
        {cost ? (
          <dl className="facts">
            <Fact name="This period will cost">
              <strong>{money(cost.mean)}</strong>
            </Fact>
            <Fact name="With 80% between">
              {money(cost.likely.low)} and {money(cost.likely.high)}
            </Fact>
            <Fact name="With 95% between">
              {money(cost.nearly_certain.low)} and {money(cost.nearly_certain.high)}
            </Fact>
          </dl>
        ) : (
          <p>
            {account.subscription?.plan
              ? "It is too early in the period to say what it will cost."
              : "Without a plan nothing is charged."}
          </p>
        )}
        <Costs account={account} />
        {asked ? (
          <Bill id={account.account} row={account.as_of.row} />
        ) : (
          <div>
            <button type="button" className="quiet" onClick={() => ask(true)}>
              How does the bill so far come about?
            </button>
          </div>
        )}
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

function Bill({ id, row }: { id: string; row: number }) {
  const asked = useAuthorised(["explain", id], (signal) => explain(id, signal));
  useAnew(row, asked.refetch);
  if (asked.isPending) return <p role="status">The bill is on its way.</p>;
  if (!asked.data) {
    return (
      <NotShown
        what="The bill is not here."
        error={asked.error}
        again={() => void asked.refetch()}
      />
    );
  }
  const bill = asked.data;
  return (
    <>
      {asked.error ? (
        <NotShown what="This may be old." error={asked.error} again={() => void asked.refetch()} />
      ) : null}
      <Rows
        look="listing"
        caption="The bill so far, line by line"
        heads={["What", ["How", "words"], ["Comes to", "number"]]}
      >
        {bill.base.map((fee) => (
          <Fee
            key={fee.stretch}
            fee={fee}
            plan={bill.plans.find((p) => p.stretch === fee.stretch)}
          />
        ))}
        {bill.lines.map((line) => (
          <Line key={`${line.stretch} ${line.meter}`} line={line} />
        ))}
        {bill.uncharged.map((line) => (
          <Free key={`${line.stretch} ${line.meter} ${line.reason}`} line={line} />
        ))}
        <tr role="row" className="sum">
          <th role="rowheader" scope="row">
            Total
          </th>
          <td role="cell" className="words">
            {bill.period.final ? "Final" : "So far"}
          </td>
          <td role="cell" className="number">
            {bill.total ? money(bill.total) : "nothing"}
          </td>
        </tr>
      </Rows>
      <details>
        <summary>By which rules?</summary>
        <ul className="plainly">
          {bill.formula.rules.map((rule) => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
      </details>
      <p className="note">
        As of {instant(bill.as_of.at)}, row {bill.as_of.row} of the ledger. Formula{" "}
        {bill.formula.name}, version {bill.formula.version}.
      </p>
    </>
  );
}

function Fee(props: { fee: Schemas["BaseOut"]; plan: Schemas["PlanOut"] | undefined }) {
  const { fee, plan } = props;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        Base fee
      </th>
      <td role="cell" className="words">
        {plan ? (
          <>
            {plan.plan}, {instant(plan.from)} to {instant(plan.to)}: that share of {money(fee.full)}
          </>
        ) : (
          money(fee.full)
        )}
      </td>
      <td role="cell" className="number">
        {money(fee.amount)}
      </td>
    </tr>
  );
}

function Line({ line }: { line: Schemas["LineOut"] }) {
  const { currency } = line.amount;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {meterName(line.meter)}
        <small>{line.unit}</small>
      </th>
      <td role="cell" className="words">
        {quantity(line.used)} used, {quantity(line.included)} included: {quantity(line.billable)} to
        pay
        {line.parts.map((part) => (
          <small key={`${part.count} ${part.price}`}>
            {exact(part.count)}
            {part.package ? ` packages of ${exact(part.package)}` : ""} ×{" "}
            {price({ amount: part.price, currency })} = {price({ amount: part.exact, currency })}
          </small>
        ))}
        {line.bound ? <small>the {line.bound} is charged instead</small> : null}
        <Events ledger={line.ledger} of={meterName(line.meter)} />
      </td>
      <td role="cell" className="number">
        {money(line.amount)}
      </td>
    </tr>
  );
}

const FREE: Record<string, string> = {
  no_plan: "before there was a plan",
  not_in_plan: "the plan has no price for it",
};

function Free({ line }: { line: Schemas["UnchargedOut"] }) {
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {meterName(line.meter)}
        <small>{line.unit}</small>
      </th>
      <td role="cell" className="words">
        {quantity(line.used)} used: {FREE[line.reason] ?? line.reason}
        <Events ledger={line.ledger} of={meterName(line.meter)} />
      </td>
      <td role="cell" className="number">
        not charged
      </td>
    </tr>
  );
}

/** The way from a line down to the rows that it is the sum of. */
function Events({ ledger, of }: { ledger: Schemas["LedgerOut"]; of: string }) {
  const [shown, show] = useState(false);
  if (ledger.rows === 0) return <small>no rows of the ledger</small>;
  const rows = ledger.rows === 1 ? "1 row" : `${ledger.rows} rows`;
  return (
    <div className="down">
      <button type="button" className="plain" aria-expanded={shown} onClick={() => show(!shown)}>
        {sentence(shown ? `hide its ${rows}` : `its ${rows}`)}
        <span className="seen-by-readers-only"> of {of}</span>
      </button>
      {shown ? <EventList address={ledger.events} /> : null}
    </div>
  );
}
