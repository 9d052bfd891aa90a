/** What is said of profiles and their rollouts. */
import { count as whole } from "../lib/format";
import type { Follower, Profile } from "./ask";
import type { Stage } from "./place";

export const STAGE: Record<Stage, string> = {
  updated: "there",
  moving: "on the way",
  waiting: "waiting",
  failed: "failed",
  removed: "being removed",
};

function tenants(count: number): string {
  return `${whole(count)} ${count === 1 ? "tenant" : "tenants"}`;
}

function unwell(count: number): string {
  return count === 1 ? "1 does not run as it should" : `${whole(count)} do not run as they should`;
}

/** How far the newest revision is, in a sentence. */
export function rollout(profile: Profile): string {
  const { missing, revision, tenants: counts } = profile;
  if (missing) {
    return `This profile is gone. Its ${tenants(counts.total)} stay as they are until it is back, or until they name another.`;
  }
  if (profile.rollout?.phase == null || revision == null) {
    return "The operator has not looked at this profile as it is now.";
  }
  if (counts.total === 0) return `Revision ${revision}. No tenant follows it.`;
  const there = `${whole(counts.updated)} of ${tenants(counts.total)} there`;
  switch (profile.rollout.phase) {
    case "complete":
      if (counts.ready < counts.total) {
        return `Revision ${revision} is where it can be: ${there}; ${unwell(counts.total - counts.ready)}.`;
      }
      return `Revision ${revision} has reached everybody: ${there}.`;
    case "paused":
      return `The rollout of revision ${revision} is paused: ${there}, ${whole(counts.waiting)} waiting.`;
    case "halted":
      return `The rollout of revision ${revision} has halted: ${there}, ${whole(counts.failed)} failed.`;
    default:
      return counts.failed > 0
        ? `Revision ${revision} is rolling out: ${there}, ${whole(counts.failed)} failed.`
        : `Revision ${revision} is rolling out: ${there}.`;
  }
}

/** What to do about a rollout that does not go on by itself. */
export function remedy({ rollout: how }: Profile): string | null {
  if (how?.phase === "halted") {
    return `With ${how.halt_after_failures} failed it starts no further tenant. Repair the profile, or apply its former spec: what is ready goes first.`;
  }
  if (how?.phase === "paused") return "It goes on when spec.rollout.paused is false.";
  return null;
}

/** Whether it is worth looking again soon. */
export function moves({ rollout: how, tenants: counts }: Profile): boolean {
  return how?.phase === "progressing" || counts.moving > 0 || counts.removed > 0;
}

/** Counts that are not nothing, with their stage, as the bar has them from left to right. */
export function parts({ tenants: counts }: Profile): { stage: Stage; count: number }[] {
  const stages = ["updated", "moving", "waiting", "failed", "removed"] as const;
  return stages.map((stage) => ({ stage, count: counts[stage] })).filter(({ count }) => count > 0);
}

/** The way of a tenant: `prod@7`, `prod@6 to prod@7`. */
export function way({ runs, wanted }: Pick<Follower, "runs" | "wanted">): string {
  if (runs == null) return wanted == null ? "nothing yet" : `nothing yet, to ${wanted}`;
  return wanted == null || wanted === runs ? runs : `${runs} to ${wanted}`;
}
