import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { money, quantity } from "../lib/format";
import { beyond, bounds, find, meterName, meters } from "../lib/price";

type Plan = Schemas["Plan"];

/**
 * The price list, a plan in each column. Roles are written out: on a phone the rows are laid out as
 * grids, and a browser may then forget that they are rows.
 */
export function PriceTable({ plans, caption }: { plans: readonly Plan[]; caption: string }) {
  return (
    <table className="prices" role="table">
      <caption className="seen-by-readers-only">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          <td role="cell" className="corner" />
          {plans.map((plan) => (
            <th key={plan.key} role="columnheader" scope="col">
              {plan.key}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        <Row name="Base fee a month" first plans={plans}>
          {(plan) => money(plan.base)}
        </Row>
        <Row name="Support answers within" plans={plans}>
          {(plan) => `${plan.support_hours} h`}
        </Row>
        {meters(plans).map((name) => (
          <Row key={name} name={meterName(name)} plans={plans}>
            {(plan) => <Cell plan={plan} name={name} />}
          </Row>
        ))}
      </tbody>
    </table>
  );
}

function Row(props: {
  name: string;
  first?: boolean;
  plans: readonly Plan[];
  children: (plan: Plan) => ReactNode;
}) {
  return (
    <tr role="row" className={props.first ? "first" : undefined}>
      <th role="rowheader" scope="row">
        {props.name}
      </th>
      {props.plans.map((plan) => (
        <td key={plan.key} role="cell">
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
      {quantity(meter.included)} {meter.unit}
      <small>
        then {beyond(meter, plan.base.currency)}
        {bounded ? `, ${bounded}` : null}
      </small>
    </>
  );
}
