/** How old figures are, and which of them are no longer what the ledger says. */
import type { Schemas } from "../api/client";

export interface Ages {
  /** When the oldest and the newest were computed. */
  readonly from: string;
  readonly to: string;
  /** How many have something come after them. */
  readonly moved: number;
  /** How many are past the time until which the server vouches for them. */
  readonly late: number;
}

/** What is of a moment. */
export interface Dated {
  readonly as_of: Schemas["FiguresOut"];
}

/** Dates of a list, read. */
interface Read {
  readonly from: { readonly at: number; readonly said: string };
  readonly to: { readonly at: number; readonly said: string };
  readonly moved: number;
  readonly until: readonly number[];
}

const known = new WeakMap<readonly Dated[], Read>();

/** A list that was read is not read again: one of ten thousand comes in fifty pieces. */
function read(list: readonly Dated[]): Read | null {
  const before = known.get(list);
  if (before) return before;
  const [first] = list;
  if (!first) return null;
  const begin = { at: Date.parse(first.as_of.at), said: first.as_of.at };
  let [from, to, moved] = [begin, begin, 0];
  const until: number[] = [];
  for (const { as_of } of list) {
    const at = Date.parse(as_of.at);
    if (at < from.at) from = { at, said: as_of.at };
    if (at > to.at) to = { at, said: as_of.at };
    if (as_of.stale || as_of.behind > 0) moved += 1;
    until.push(Date.parse(as_of.valid_until));
  }
  const made = { from, to, moved, until };
  known.set(list, made);
  return made;
}

/** Of figures that were looked up at `now`, in milliseconds, and came in lists; null without any. */
export function ages(lists: readonly (readonly Dated[])[], now: number): Ages | null {
  const all = lists.map(read).filter((one) => one !== null);
  const [first] = all;
  if (!first) return null;
  let [from, to, moved, late] = [first.from, first.to, 0, 0];
  for (const one of all) {
    if (one.from.at < from.at) from = one.from;
    if (one.to.at > to.at) to = one.to;
    moved += one.moved;
    for (const until of one.until) if (until < now) late += 1;
  }
  return { from: from.said, to: to.said, moved, late };
}
