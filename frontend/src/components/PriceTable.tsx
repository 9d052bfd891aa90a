import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { exact, money, round } from "../lib/format";
import { beyond, bounds, find, meterName, meters } from "../lib/price";

type Plan = Schemas["Plan"];
type Advice = Schemas["RecommendationOut"];

/**
 * The price list, a plan in each column. Roles are written out: on a phone the rows are laid out as
 * grids, and a browser may then forget that they are rows.
 */
export function PriceTable(props: {
  plans: readonly Plan[];
  caption: string;
  /** What would fit: marks a plan, and says what each would cost. */
  advice?: Advice;
}) {
  const { plans, caption, advice } = props;
  const taken = advice?.plan?.key;
  return (
    <table className="prices" role="table">
      <caption className="seen-by-readers-only">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <td role="cell" className="corner" />
          {plans.map((plan) => (
            <th key={plan.key} role="columnheader" scope="col" className={mark(plan, taken)}>
              {plan.key}
              {plan.key === taken ? <small>fits best</small> : null}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {advice ? (
          <Row name="Expected a month" first plans={plans} taken={taken}>
            {(plan) => <Expected plan={plan} advice={advice} />}
          </Row>
        ) : null}
        <Row name="Base fee a month" first={!advice} plans={plans} taken={taken}>
          {(plan) => money(plan.base)}
        </Row>
        <Row name="Support answers within" plans={plans} taken={taken}>
          {(plan) => `${plan.support_hours} h`}
        </Row>
        {meters(plans).map((name) => (
          <Row key={name} name={meterName(name)} plans={plans} taken={taken}>
            {(plan) => <Cell plan={plan} name={name} />}
          </Row>
        ))}
      </tbody>
    </table>
  );
}

function mark(plan: Plan, taken: string | undefined): string | undefined {
  return plan.key === taken ? "taken" : undefined;
}

/** What a plan would cost with the use that is expected, or why it does not fit. */
function Expected({ plan, advice }: { plan: Plan; advice: Advice }) {
  const ranked = advice.ranking.find((one) => one.plan.key === plan.key);
  if (!ranked) {
    const why = advice.excluded.find((one) => one.plan.key === plan.key);
    return <small>{why ? `does not fit: ${why.reason}` : "does not fit"}</small>;
  }
  return (
    <>
      {money(ranked.expected)}
      {ranked.costs.low.amount === ranked.costs.high.amount ? null : (
        <small>
          {round(ranked.costs.low)} to {round(ranked.costs.high)}
        </small>
      )}
    </>
  );
}

function Row(props: {
  name: string;
  first?: boolean;
  plans: readonly Plan[];
  taken?: string | undefined;
  children: (plan: Plan) => ReactNode;
}) {
  return (
    <tr role="row" className={props.first ? "first" : undefined}>
      <th role="rowheader" scope="row">
        {props.name}
      </th>
      {props.plans.map((plan) => (
        <td key={plan.key} role="cell" className={mark(plan, props.taken)}>
          {props.children(plan)}
        </td>
      ))}
    </tr>
  );
}

function Cell({ plan, name }: { plan: Plan; name: string }) {
  const meter = find(plan, name);
  if (!meter) return <>not part of it</>;
  const bounded = bounds(meter);
  return (
    <>
      {exact(meter.included)} {meter.unit}
      <small>
        then {beyond(meter, plan.base.currency)}
        {bounded ? `, ${bounded}` : null}
      </small>
    </>
  );
}
