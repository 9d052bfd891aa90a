/** What is said of a request to who decides about it. */
import { Failure } from "../api/problem";
import type { Request, Summary } from "./ask";

/** How long a reason may be, in characters. */
export const LONGEST_REASON = 500;

const STATUS: Record<string, string> = {
  awaiting_approval: "waits for a decision",
  approved: "approved",
  rejected: "turned down",
  withdrawn: "withdrawn",
};

const STACK: Record<string, string> = {
  queued: "tenant is being made",
  conflict: "another tenant has the name",
  made: "tenant made",
  starting: "stack starts",
  ready: "stack ready",
  removed: "tenant removed",
};

/** Where a request is, in a few words. */
export function standing({ tenant, stack }: Pick<Summary, "tenant" | "stack">): string {
  const status = STATUS[tenant.status] ?? tenant.status;
  return stack ? `${status}, ${STACK[stack] ?? stack}` : status;
}

/** Whether something is wrong that a person must see to. */
export function amiss({ stack }: Pick<Summary, "stack">): boolean {
  return stack === "conflict";
}

/** How long somebody has waited: `3 days`. */
export function waited(since: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(since)) / 60_000));
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60);
  const [count, unit] =
    days > 0 ? [days, "day"] : hours > 0 ? [hours, "hour"] : [minutes, "minute"];
  return minutes === 0 ? "less than a minute" : `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A reason as the server takes it: one line. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** What is wrong with a reason, if anything. */
export function wrongReason(text: string): string | null {
  const { length } = Array.from(oneLine(text));
  if (length === 0) return "Say why: whoever looks at it later needs to know.";
  return length > LONGEST_REASON ? tooLong(length - LONGEST_REASON) : null;
}

function tooLong(over: number): string {
  return `It has ${over} ${over === 1 ? "character" : "characters"} too many: ${LONGEST_REASON} are kept.`;
}

/** What is said where a request was decided while somebody was about to. */
export function overtaken(status: string): string {
  const what =
    status === "withdrawn" ? "Whoever sent it took it back." : "Somebody decided before you.";
  return `${what} What stands now is on this page.`;
}

/** What is said of a decision of one's own whose answer was lost. */
export function arrived(status: string): string {
  const what = status === "approved" ? "It is approved." : "It is turned down.";
  return `${what} What stands now is on this page.`;
}

/** Whether the server said no, so that nothing came of it. */
function saidNo(error: Error): boolean {
  const status = error instanceof Failure ? error.status : 0;
  return status >= 400 && status < 500 && status !== 408;
}

/** Why a decision did not come to be, and the way on. */
export function refusal(error: Error): { what: string; next: string; again: boolean } {
  const code = error instanceof Failure ? error.code : null;
  switch (code) {
    case "name-taken":
      return {
        what: "Nothing was approved: the name is taken.",
        next: "Turn the request down, and ask the customer for another name.",
        again: false,
      };
    case "no-plan":
      return {
        what: "Nothing was approved: no plan fits.",
        next: "Turn the request down, and agree with the customer on a form that a plan fits.",
        again: false,
      };
    case "already-decided":
      return {
        what: "Somebody decided before you.",
        next: "What stands now is on this page. A decision stays.",
        again: false,
      };
    default:
      if (saidNo(error)) {
        return {
          what: "Nothing was decided.",
          next: "When that is mended, decide again.",
          again: true,
        };
      }
      return {
        what: "It is not known whether your decision arrived.",
        next: "Deciding the same again changes nothing more.",
        again: true,
      };
  }
}

/** Whether approving can lead anywhere. */
export function approvable({ plan }: Pick<Request, "plan">): boolean {
  return plan.key != null;
}
