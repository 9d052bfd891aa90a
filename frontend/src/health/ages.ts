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

/** Of figures that were looked up at `now`, in milliseconds; null without any. */
export function ages(all: readonly Schemas["FiguresOut"][], now: number): Ages | null {
  const [first] = all;
  if (!first) return null;
  let [from, to, moved, late] = [first.at, first.at, 0, 0];
  let [oldest, newest] = [Date.parse(from), Date.parse(to)];
  for (const one of all) {
    const at = Date.parse(one.at);
    if (at < oldest) [oldest, from] = [at, one.at];
    if (at > newest) [newest, to] = [at, one.at];
    if (one.stale || one.behind > 0) moved += 1;
    if (Date.parse(one.valid_until) < now) late += 1;
  }
  return { from, to, moved, late };
}
