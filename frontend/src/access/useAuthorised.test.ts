import { expect, test } from "vitest";
import { Failure } from "../api/problem";
import { every, goesOn, pause, worthwhile } from "./useAuthorised";

const of = (status: number, retryAfter: number | null = null) =>
  new Failure("no", { status, retryAfter });

test("what the server refused is not asked again, what it put off is, twice", () => {
  for (const status of [400, 401, 403, 404, 409, 422]) {
    expect(worthwhile(0, of(status)), String(status)).toBe(false);
  }
  for (const status of [0, 500, 503]) {
    expect([worthwhile(0, of(status)), worthwhile(1, of(status))]).toEqual([true, false]);
  }
  expect([0, 1, 2].map((failures) => worthwhile(failures, of(429, 1)))).toEqual([
    true,
    true,
    false,
  ]);
});

test("it is asked again when the server said, else later each time", () => {
  expect(pause(0, of(429, 7))).toBe(7_000);
  expect(pause(0, of(429, 3_600)), "not for an hour without a word").toBe(10_000);
  expect([pause(0, of(503)), pause(1, of(503))]).toEqual([1_000, 2_000]);
  expect(pause(0, new Error("no answer"))).toBe(1_000);
});

test("what the server refused is not looked at again by itself, all else is", () => {
  for (const status of [400, 401, 403, 404, 409, 422]) {
    expect(goesOn(of(status)), String(status)).toBe(false);
  }
  for (const status of [0, 429, 500, 503]) expect(goesOn(of(status)), String(status)).toBe(true);
  expect(every(4_000)({ state: { error: null } })).toBe(4_000);
  expect(every(4_000)({ state: { error: of(403) } })).toBe(false);
});
