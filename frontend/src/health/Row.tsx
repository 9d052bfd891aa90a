import { memo } from "react";
import { Link } from "wouter";
import type { Usage } from "./ask";
import { Bar } from "./Bar";
import type { Place } from "./place";
import { Spark } from "./Spark";
import * as words from "./words";

/** A customer in the list: two lines, as high as all others, so that a long list stays quick. */
export const Row = memo(function Row(props: { usage: Usage; index: number; place: Place }) {
  const { usage, index, place } = props;
  const reached = words.level(usage.level);
  const moved = usage.as_of.stale || usage.as_of.behind > 0;
  return (
    <tr role="row" aria-rowindex={index + 2} data-flagged={usage.flagged || undefined}>
      <th role="rowheader" scope="row">
        <Link
          href={place.to(usage.account)}
          data-account={usage.account}
          onClick={() => place.leave(usage.account)}
          title={usage.name}
        >
          <bdi>{usage.name}</bdi>
        </Link>
        <small>
          {usage.account}, {words.plan(usage.plan)}
        </small>
      </th>
      <td role="cell" className="health" data-name="Health">
        <span className="side">
          <span className="figure">{words.health(usage.health)}</span>
          <Spark weeks={usage.weeks} />
          <span className="seen-by-readers-only">, {words.course(usage.weeks)}</span>
        </span>
        <small>
          {words.standing(usage.standing)}
          {moved ? ", recounting" : null}
        </small>
      </td>
      <td role="cell" className="use" data-name="Most used quota">
        <Bar ratio={usage.highest?.ratio} level={usage.level} />
        <small data-level={usage.level}>{words.highest(usage.highest)}</small>
      </td>
      <td role="cell" className="cost" data-name="Cost">
        <span className="figure">{words.cost(usage.projected_cost)}</span>
        <small>{words.costRange(usage.projected_cost)}</small>
      </td>
      <td role="cell" className="support" data-name="Support">
        <span className="figure">
          {words.support(usage.support_response_sla_hours, usage.support_hours)}
        </span>
        <small>{words.promise(usage.support_response_sla_hours, usage.support_hours)}</small>
      </td>
      <td role="cell" className="flag">
        {usage.flagged ? <strong className="wrong">Call</strong> : null}
        <small data-level={usage.level}>{reached}</small>
      </td>
    </tr>
  );
});
