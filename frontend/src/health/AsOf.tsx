import { instant } from "../lib/format";
import { useNow } from "../lib/useNow";
import { ages, type Dated } from "./ages";

/** How often it is looked whether figures have passed their time, in milliseconds. */
const AGAIN = 15_000;

/** Of what moment figures are, and whether they may still be acted on. */
export function AsOf(props: { lists: readonly (readonly Dated[])[]; looked: number }) {
  const now = useNow(AGAIN);
  const found = ages(props.lists, props.looked);
  if (!found) return <>Looked up {instant(new Date(props.looked).toISOString())}.</>;
  const { moved, late } = found;
  // A page that stands open grows old without the server.
  const since = (ages(props.lists, Math.max(now, props.looked))?.late ?? late) - late;
  const [from, to] = [instant(found.from), instant(found.to)];
  return (
    <>
      Figures as of {from === to ? from : `${from} to ${to}`}.
      {moved > 0 ? ` ${moved === 1 ? "One is" : `${moved} are`} being counted anew.` : null}
      {late > 0 ? (
        <strong className="late">
          {" "}
          {late === 1 ? "One is" : `${late} are`} past the time until which to act on them: the
          server has not counted them anew.
        </strong>
      ) : null}
      {since > 0 ? (
        <strong className="late">
          {" "}
          {since === 1 ? "One has" : `${since} have`} passed the time until which to act on them
          since they were looked up: look again.
        </strong>
      ) : null}
    </>
  );
}
