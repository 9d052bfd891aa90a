import { expect, test } from "vitest";
import { figure, percent } from "../lib/format";
import * as words from "./words";

const english = ["en-US"];
const answers = (met: number, missed: number) => ({ days: 90, met, missed });

test("a share is rounded down, so that no mark is reached too early", () => {
  expect(percent("0.9499", english)).toBe("94%");
  expect(percent("0.95", english)).toBe("95%");
  const highest = (ratio: string) => words.highest({ meter: "ingestion", ratio }, english);
  expect(highest("0.9499")).toBe("Data taken in 94%");
  expect(highest("12.5")).toBe("Data taken in, more than 10 times");
});

test("a figure keeps its places", () => {
  expect(figure("0.60", english)).toBe("0.60");
  expect(figure("1", english)).toBe("1");
  expect(figure("0.927", ["de-DE"])).toBe("0,927");
});

test("what is not known is said", () => {
  expect(words.health(null)).toBe("–");
  expect(words.cost(null)).toBe("–");
  expect(words.costRange(null)).toBe("too early to say");
  expect(words.highest(null)).toBe("no quota");
  expect(words.support(answers(0, 0), 8)).toBe("–");
  expect(words.promise(answers(0, 0), 8)).toBe("8 h promised");
  expect(words.promise(answers(0, 0), null)).toBe("nothing promised");
});

test("support is said with what was promised", () => {
  expect(words.support(answers(9, 1), 8)).toBe("9 of 10 in 8 h");
  expect(words.promise(answers(9, 1), 8)).toBe("in 90 days");
});

test("a line over twelve weeks is said", () => {
  expect(words.course([null, "0.91", null, "0.60"], english)).toBe("from 0.91 to 0.60 in 2 weeks");
  expect(words.course([null, "0.91"], english)).toBe("known for a week");
  expect(words.course([null], english)).toBe("no health known in twelve weeks");
});

test("levels and standings have words, and a new one keeps its own", () => {
  expect(words.level("ok")).toBeNull();
  expect(words.level("hard", english)).toBe("95% reached");
  expect(words.standing("insufficient_data")).toBe("too little known");
  expect(words.standing("asleep")).toBe("asleep");
});

test("a subscription ends on its last day, by the account's clocks", () => {
  const british = ["en-GB"];
  const chicago = "America/Chicago";
  const ends = (now: string, zone = chicago) =>
    words.ends("2027-01-01T06:00:00Z", now, zone, british);
  expect(ends("2026-12-10T00:00:00Z")).toBe("Ends on 31 Dec 2026");
  expect(ends("2027-01-01T05:59:59Z")).toBe("Ends on 31 Dec 2026");
  expect(ends("2027-01-01T06:00:00Z")).toBe("Ended on 31 Dec 2026");
  expect(ends("2026-12-10T00:00:00Z", "UTC"), "other clocks have another day").toBe(
    "Ends on 1 Jan 2027",
  );
});

test("where a sign of success shows is said in words, and nothing of what they do not know", () => {
  expect(words.shows("support_response_sla_hours")).toBe("how support answers");
  expect(words.shows("a newer one")).toBeNull();
});
