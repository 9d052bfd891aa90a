import type { Schemas } from "../api/client";
import { instant } from "../lib/format";
import { ages } from "./ages";

/** Of what moment figures are, and whether they may still be acted on. */
export function AsOf(props: { figures: readonly Schemas["FiguresOut"][]; looked: number }) {
  const found = ages(props.figures, props.looked);
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
