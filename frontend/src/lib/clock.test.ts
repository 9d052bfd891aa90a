import { afterEach, expect, test } from "vitest";
import { tell, there } from "./clock";

const NOW = Date.parse("2026-11-23T12:00:00.400Z");
const date = (at: number) => new Date(at).toUTCString();

afterEach(() => tell(date(NOW), NOW));

test("a clock that is right to a second stays as it is", () => {
  tell(date(NOW), NOW);
  expect(there(NOW)).toBe(NOW);
  tell(date(NOW - 1_000), NOW);
  expect(there(NOW)).toBe(NOW);
});

test("a clock that is wrong is put right by the last answer, in whichever direction", () => {
  for (const off of [3_600_000, -3_600_000]) {
    tell(date(NOW + off), NOW);
    expect(Math.abs(there(NOW) - (NOW + off))).toBeLessThan(1_000);
  }
});

test("an answer that says no time changes nothing", () => {
  tell(date(NOW + 60_000), NOW);
  const known = there(NOW);
  tell(null, NOW);
  tell("soon", NOW);
  expect(there(NOW)).toBe(known);
});
