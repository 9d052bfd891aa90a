import { describe, expect, it } from "vitest";
import { type Code, Failure } from "../api/problem";
import { filterOf, idOf } from "./place";
import {
  approvable,
  LONGEST_REASON,
  oneLine,
  overtaken,
  refusal,
  standing,
  waited,
  wrongReason,
} from "./words";

describe("where a request is", () => {
  it("is said of form and stack", () => {
    const tenant = (status: string) => ({ id: "acme", status });
    expect(standing({ tenant: tenant("awaiting_approval") })).toBe("waits for a decision");
    expect(standing({ tenant: tenant("approved"), stack: "starting" })).toBe(
      "approved, stack starts",
    );
    expect(standing({ tenant: tenant("approved"), stack: null })).toBe("approved");
    expect(standing({ tenant: tenant("unheard"), stack: "of" })).toBe("unheard, of");
  });

  it("has a waiting time that rounds down", () => {
    const now = Date.parse("2026-11-23T12:00:00Z");
    const since = (text: string) => waited(text, now);
    expect(since("2026-11-23T11:59:30Z")).toBe("less than a minute");
    expect(since("2026-11-23T11:58:59Z")).toBe("1 minute");
    expect(since("2026-11-23T10:00:01Z")).toBe("1 hour");
    expect(since("2026-11-21T12:00:00Z")).toBe("2 days");
    expect(since("2026-11-24T12:00:00Z")).toBe("less than a minute");
  });
});

describe("a reason", () => {
  it("is one line of at most 500 characters, counted as people count", () => {
    expect(oneLine(" no\n\tplace  left ")).toBe("no place left");
    expect(wrongReason(" \n ")).toMatch(/Say why/);
    expect(wrongReason("é".repeat(LONGEST_REASON))).toBeNull();
    expect(wrongReason("😀".repeat(LONGEST_REASON))).toBeNull();
    expect(wrongReason("a".repeat(LONGEST_REASON + 2))).toMatch(/2 characters too many/);
    expect(wrongReason("a".repeat(LONGEST_REASON + 1))).toMatch(/1 character too many/);
  });
});

describe("a decision that did not come to be", () => {
  const failed = (status: number, code: Code) => refusal(new Failure("x", { status, code }));

  it("is tried again only where that helps", () => {
    expect(failed(409, "name-taken")).toMatchObject({ again: false });
    expect(failed(409, "no-plan")).toMatchObject({ again: false });
    expect(failed(409, "already-decided")).toMatchObject({ again: false });
    for (const status of [400, 403, 404, 422, 429]) {
      expect(failed(status, "invalid-request").what, String(status)).toBe("Nothing was decided.");
    }
    for (const status of [0, 408, 500, 503]) {
      expect(failed(status, "unavailable").what, String(status)).toMatch(/not known whether/);
    }
    expect(failed(503, "unavailable")).toMatchObject({ again: true });
    expect(refusal(Failure.unreachable())).toMatchObject({ again: true });
  });

  it("says who was faster", () => {
    expect(overtaken("approved")).toMatch(/Somebody decided before you/);
    expect(overtaken("withdrawn")).toMatch(/took it back/);
  });

  it("needs a plan in the first place", () => {
    const plan = { reasons: [], would_change_if: [] };
    expect(approvable({ plan: { ...plan, key: "team" } })).toBe(true);
    expect(approvable({ plan })).toBe(false);
  });
});

describe("addresses", () => {
  it("say what is listed, where a page goes on and which request it is", () => {
    expect(filterOf("show=rejected")).toBe("rejected");
    expect(filterOf("show=anything")).toBe("waiting");
    expect(filterOf("")).toBe("waiting");
    expect(idOf("/onboarding/019c")).toBe("019c");
  });
});
