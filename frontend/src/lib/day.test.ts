import { expect, test } from "vitest";
import { day } from "./day";

test("a day is the same everywhere, and what is none stands as it was sent", () => {
  expect(day("2027-01-15", "en-GB")).toBe("15 Jan 2027");
  expect(day("soon", "en-GB")).toBe("soon");
});
