import { Failure } from "../api/problem";

export const STAGES = ["failed", "moving", "waiting", "updated", "removed"] as const;
export type Stage = (typeof STAGES)[number];

/** Which tenants are listed. */
export interface Shown {
  readonly revision: number | null;
  readonly stage: Stage | null;
}

/** Whether a failure says that this installation is beside no cluster. */
export function isBesideNone(error: Error | null): boolean {
  return error instanceof Failure && error.code === "no-cluster";
}

/** What an address says to list. */
export function shownOf(search: string): Shown {
  const given = new URLSearchParams(search);
  const revision = Number(given.get("revision"));
  const stage = STAGES.find((one) => one === given.get("stage"));
  return {
    revision: Number.isSafeInteger(revision) && revision > 0 ? revision : null,
    stage: stage ?? null,
  };
}

/** The address of a list. */
export function address(name: string, { revision, stage }: Shown): string {
  const query = new URLSearchParams();
  if (revision !== null) query.set("revision", String(revision));
  if (stage !== null) query.set("stage", stage);
  const text = query.toString();
  return `/stacks/${encodeURIComponent(name)}${text === "" ? "" : `?${text}`}`;
}
