import { instant } from "../lib/format";
import { ages, type Dated } from "./ages";

/** Of what moment figures are, and whether they may still be acted on. */
export function AsOf(props: { lists: readonly (readonly Dated[])[]; looked: number }) {
  const found = ages(props.lists, props.looked);
  if (!found) return <>Looked up {instant(new Date(props.looked).toISOString())}.</>;
  const { moved, late } = found;
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
    </>
  );
}
