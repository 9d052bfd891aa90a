import type { Schemas } from "../api/client";
import { instant } from "../lib/format";

type Figures = Schemas["FiguresOut"];

/** Between which instants figures were computed. */
export function span(all: readonly Figures[]): [string, string] | null {
  const sorted = all.map((one) => one.at).sort();
  const [first, last] = [sorted[0], sorted.at(-1)];
  return first === undefined || last === undefined ? null : [first, last];
}

/** Of what moment figures are, and whether they may still be acted on. */
export function AsOf(props: { figures: readonly Figures[]; looked: number }) {
  const edges = span(props.figures);
  if (!edges) return <>Looked up {instant(new Date(props.looked).toISOString())}.</>;
  const [from, to] = edges.map((at) => instant(at));
  const now = new Date(props.looked).toISOString();
  const late = props.figures.filter((one) => one.valid_until < now).length;
  const moved = props.figures.filter((one) => one.stale || one.behind > 0).length;
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
