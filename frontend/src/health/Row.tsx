import { memo } from "react";
import type { Usage } from "./ask";
import { Bar } from "./Bar";
import type { Place } from "./place";
import { Spark } from "./Spark";
import * as words from "./words";

/**
 * A customer in the list: two lines, as high as all others and put where it belongs, so that a row
 * that comes or goes moves no other.
 */
export const Row = memo(function Row(props: {
  usage: Usage;
  index: number;
  /** How far below the beginning of the list, in pixels. */
  top: number;
  place: Place;
}) {
  const { usage, index, top, place } = props;
  const reached = words.level(usage.level);
  const moved = usage.as_of.stale || usage.as_of.behind > 0;
  return (
    <tr
      role="row"
      aria-rowindex={index + 2}
      data-flagged={usage.flagged || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <th role="rowheader" scope="row">
        <a
          href={place.to(usage.account)}
          data-account={usage.account}
          onClick={place.open}
          title={usage.name}
          // Cut at its own end, in whichever direction it goes.
          dir="auto"
        >
          {usage.name}
        </a>
        <small>
          {usage.account}, {words.plan(usage.plan)}
        </small>
      </th>
      <td role="cell" className="health" data-name="Health">
        {words.health(usage.health)}
        <Spark weeks={usage.weeks} />
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
        {words.cost(usage.projected_cost)}
        <small>{words.costRange(usage.projected_cost)}</small>
      </td>
      <td role="cell" className="support" data-name="Support">
        {words.support(usage.support_response_sla_hours, usage.support_hours)}
        <small>{words.promise(usage.support_response_sla_hours, usage.support_hours)}</small>
      </td>
      <td role="cell" className="flag">
        {usage.flagged ? <strong className="wrong">Call</strong> : null}
        {reached ? <small data-level={usage.level}>{reached}</small> : null}
      </td>
    </tr>
  );
});
