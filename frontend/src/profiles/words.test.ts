import { describe, expect, it } from "vitest";
import { Failure } from "../api/problem";
import type { Profile } from "./ask";
import { address, isBesideNone, shownOf } from "./place";
import { moves, parts, remedy, rollout, way } from "./words";

const none = {
  total: 0,
  ready: 0,
  updated: 0,
  moving: 0,
  waiting: 0,
  failed: 0,
  removed: 0,
  pinned: 0,
};

function profile(phase: string | null, counts: Partial<typeof none>): Profile {
  return {
    name: "prod",
    missing: false,
    content: { tier: "prod", default_plan: "team", services: [], overlays: [] },
    revision: 7,
    rollout: { phase, message: null, max_in_flight: "10%", halt_after_failures: 3, paused: false },
    tenants: { ...none, ...counts },
  };
}

describe("a rollout", () => {
  it("is said in a sentence, whatever its phase", () => {
    expect(rollout(profile("complete", { total: 1, updated: 1, ready: 1 }))).toBe(
      "Revision 7 has reached everybody: 1 of 1 tenant there.",
    );
    expect(rollout(profile("complete", { total: 5, updated: 4, ready: 4, failed: 1 }))).toBe(
      "Revision 7 is where it can be: 4 of 5 tenants there; 1 does not run as it should.",
    );
    expect(rollout(profile("complete", { total: 5, updated: 5, ready: 3 }))).toMatch(
      /5 of 5 tenants there; 2 do not run as they should\.$/,
    );
    expect(rollout(profile("progressing", { total: 50, updated: 48 }))).toBe(
      "Revision 7 is rolling out: 48 of 50 tenants there.",
    );
    expect(rollout(profile("halted", { total: 5, updated: 1, failed: 3 }))).toMatch(
      /halted: 1 of 5 tenants there, 3 failed/,
    );
    expect(rollout(profile("progressing", { total: 1, failed: 1 }))).toBe(
      "Revision 7 is rolling out: 0 of 1 tenant there, 1 failed.",
    );
    expect(rollout(profile("paused", { total: 5, waiting: 5 }))).toMatch(/paused.*5 waiting/);
    expect(rollout(profile("complete", {}))).toBe("Revision 7. No tenant follows it.");
    expect(rollout(profile(null, { total: 1 }))).toMatch(/has not looked/);
    const gone = { ...profile(null, { total: 2 }), missing: true, rollout: null, revision: null };
    expect(rollout(gone)).toMatch(/is gone. Its 2 tenants stay/);
  });

  it("says what to do where it does not go on by itself, and is looked at again where it does", () => {
    expect(remedy(profile("halted", { failed: 3 }))).toMatch(/With 3 failed/);
    expect(remedy(profile("paused", {}))).toMatch(/spec.rollout.paused/);
    expect(remedy(profile("complete", {}))).toBeNull();
    expect(moves(profile("progressing", {}))).toBe(true);
    expect(moves(profile("complete", { moving: 1 }))).toBe(true);
    expect(moves(profile("halted", { failed: 3 }))).toBe(false);
  });

  it("is drawn of those parts alone that are there", () => {
    expect(parts(profile("progressing", { total: 3, updated: 1, failed: 2 }))).toEqual([
      { stage: "updated", count: 1 },
      { stage: "failed", count: 2 },
    ]);
  });
});

describe("a tenant", () => {
  it("has a way from what it runs to what it is brought to", () => {
    expect(way({ runs: "prod@7", wanted: "prod@7" })).toBe("prod@7");
    expect(way({ runs: "prod@6", wanted: "prod@7" })).toBe("prod@6 to prod@7");
    expect(way({ runs: null, wanted: "prod@7" })).toBe("nothing yet, to prod@7");
    expect(way({})).toBe("nothing yet");
  });
});

describe("addresses", () => {
  it("say which tenants are listed, and take nothing else", () => {
    const shown = { revision: 7, stage: "failed" } as const;
    expect(address("prod", shown)).toBe("/stacks/prod?revision=7&stage=failed");
    expect(shownOf("revision=7&stage=failed")).toEqual(shown);
    expect(shownOf("revision=-1&stage=late")).toEqual({ revision: null, stage: null });
    expect(address("prod", { revision: null, stage: null })).toBe("/stacks/prod");
  });

  it("an installation beside no cluster is told from one in trouble", () => {
    expect(isBesideNone(new Failure("x", { status: 409, code: "no-cluster" }))).toBe(true);
    expect(isBesideNone(new Failure("x", { status: 503, code: "cluster-unread" }))).toBe(false);
    expect(isBesideNone(null)).toBe(false);
  });
});
