/** Which rows of a long list are in the page: those in sight, and some around them. */

export interface Shown {
  readonly from: number;
  readonly to: number;
}

/** Rows beyond what is in sight, and by how many the edges move at a time. */
const AROUND = 12;
const STEP = 6;
/** Before anything is measured. */
const FIRST = 40;

/** `top`: where the list begins, seen from the top of the window; `row`: how high a row is. */
export function shown(top: number, view: number, row: number, count: number): Shown {
  if (row <= 0) return { from: 0, to: Math.min(count, FIRST) };
  const first = Math.floor(Math.max(0, -top) / row);
  const last = Math.ceil(Math.max(0, view - top) / row);
  const from = Math.floor(Math.max(0, first - AROUND) / STEP) * STEP;
  const to = Math.ceil((last + AROUND) / STEP) * STEP;
  return { from: Math.min(from, Math.max(0, count - 1)), to: Math.min(Math.max(to, 0), count) };
}
