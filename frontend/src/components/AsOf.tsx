/** Of what moment something is. Every page says it of all that it shows. */

import { ages, type Dated } from "../lib/ages";
import { there } from "../lib/clock";
import { count, instant } from "../lib/format";
import { useNow } from "../lib/useNow";

/** When what is shown was looked up, in milliseconds; or since when the cluster does not answer. */
export function AsOf({ at, lost }: { at: number; lost?: string | null | undefined }) {
  if (lost) {
    return (
      <p role="alert">
        <strong className="wrong">The cluster does not answer.</strong> What is shown is from before{" "}
        {instant(lost)}.
      </p>
    );
  }
  return <p className="note">As of {moment(at)}.</p>;
}

/** How often it is looked whether figures have passed their time, in milliseconds. */
const AGAIN = 15_000;

/** Of what moment the server's figures are, and whether they may still be acted on. */
export function FiguresAsOf(props: { lists: readonly (readonly Dated[])[]; looked: number }) {
  const now = useNow(AGAIN);
  const found = ages(props.lists, there(props.looked));
  if (!found) return <>Looked up {moment(props.looked)}.</>;
  const { moved, late } = found;
  // A page that stands open grows old without the server.
  const since = (ages(props.lists, there(Math.max(now, props.looked)))?.late ?? late) - late;
  const [from, to] = [instant(found.from), instant(found.to)];
  return (
    <>
      Figures as of {from === to ? from : `${from} to ${to}`}.
      {moved > 0 ? ` ${moved === 1 ? "One is" : `${count(moved)} are`} being counted anew.` : null}
      {late > 0 ? (
        <strong className="late">
          {" "}
          {late === 1 ? "One is" : `${count(late)} are`} past the time until which to act on them:
          the server has not counted them anew.
        </strong>
      ) : null}
      {since > 0 ? (
        <strong className="late">
          {" "}
          {since === 1 ? "One has" : `${count(since)} have`} passed the time until which to act on
          them since they were looked up: look again.
        </strong>
      ) : null}
    </>
  );
}

function moment(at: number): string {
  return instant(new Date(at).toISOString());
}
