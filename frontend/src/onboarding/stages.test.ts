import { describe, expect, it } from "vitest";
import { moves, next, type Standing, stages } from "./stages";

type Stack = NonNullable<Standing["stack"]>;

const QUEUED: Stack = { state: "queued", queued_at: "2026-11-29T08:00:00Z" };
const MADE: Stack = { ...QUEUED, state: "made", made_at: "2026-11-29T08:00:02Z" };
const SINCE = "2026-11-29T08:01:00Z";

function approved(stack: Stack | null): Standing {
  return {
    tenant: { id: "initech", status: "approved" } as Standing["tenant"],
    submitted_at: "2026-11-29T07:00:00Z",
    decided_at: "2026-11-29T08:00:00Z",
    stack,
    plan: { key: "team" },
  };
}

function last(stack: Stack | null) {
  return stages(approved(stack)).at(-1);
}

describe("an approved request", () => {
  it("is looked at again until nothing more is to come", () => {
    const look = (state: string) => moves(approved({ ...MADE, state }));
    expect(["queued", "conflict", "made", "starting", "ready", "removed"].map(look)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(moves(approved(null))).toBe(false);
  });

  it("says what is being made", () => {
    expect(last(null)).toEqual({ name: "Tenant is made by people", at: null, state: "now" });
    expect(last(QUEUED)).toEqual({ name: "Tenant is being made", at: null, state: "now" });
    expect(last(MADE)).toEqual({ name: "Tenant made", at: MADE.made_at, state: "done" });
  });

  it("follows the stack, part by part", () => {
    const starting = { ...MADE, state: "starting", since: SINCE, parts: { ready: 1, total: 6 } };
    expect(last(starting)).toEqual({
      name: "Stack starts: 1 of 6 parts run",
      at: null,
      state: "now",
    });
    const ready = { ...MADE, state: "ready", since: SINCE, parts: { ready: 6, total: 6 } };
    expect(last(ready)).toEqual({ name: "Stack ready", at: SINCE, state: "done" });
    expect(next(approved(ready))).toContain("All of initech runs.");
  });

  it("says when its tenant is gone", () => {
    const removed = { ...MADE, state: "removed", since: SINCE, parts: { ready: 0, total: 6 } };
    expect(last(removed)).toEqual({ name: "Tenant removed", at: SINCE, state: "ended" });
    expect(next(approved(removed))).toContain("The tenant initech was removed.");
  });
});
