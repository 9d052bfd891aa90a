/** The server's clock, by which it says until when its figures hold: a browser's own may be wrong. */

/** A clock that is off by less is as good as right: answers say whole seconds, and are on their way for a while. */
const RIGHT = 2_000;

let ahead = 0;

/** What an answer says of the time, as its header `Date`. */
export function tell(date: string | null, now = Date.now()): void {
  const at = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  ahead = Math.abs(at - now) < RIGHT ? 0 : at - now;
}

/** What the server's clock shows when this browser's shows `here`, in milliseconds. */
export function there(here: number): number {
  return here + ahead;
}
