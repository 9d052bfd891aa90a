import { describe, expect, it } from "vitest";
import { addDepartment, addSign, empty, put } from "./draft";
import { fields, missing, placeOf, STEPS } from "./steps";

const draft = addSign(addDepartment(empty("UTC")));

describe("the place of what a server says", () => {
  it("is its own field, whichever there is", () => {
    for (const { key } of STEPS) {
      for (const at of fields(draft, key)) expect(placeOf(draft, at)).toEqual({ step: key, at });
    }
  });

  it("is the first field of what it is about as a whole", () => {
    const cases = [
      ["/contact", "you", "/contact/name"],
      ["/departments", "work", "/departments/0/name"],
      ["/departments/1", "work", "/departments/1/name"],
      ["/departments/1/hours_per_week", "savings", "/departments/1/hours_per_week/low"],
      ["/roi/realisation", "savings", "/roi/realisation/low"],
      ["/usage", "work", "/usage/agents/base"],
      ["/usage/query", "work", "/usage/query/base"],
      ["/success_criteria/0", "success", "/success_criteria/0/text"],
      ["/roi/ramp", "savings", "/roi/ramp/0"],
    ] as const;
    for (const [pointer, step, at] of cases) {
      expect(placeOf(draft, pointer), pointer).toEqual({ step, at });
    }
  });

  it("is the field that stands for what the form does not ask", () => {
    const cases = [
      ["/roi/salary/currency", "savings", "/roi/salary/amount"],
      ["/usage/agents/high", "work", "/usage/agents/base"],
      ["/currency/0", "savings", "/currency"],
    ] as const;
    for (const [pointer, step, at] of cases) {
      expect(placeOf(draft, pointer), pointer).toEqual({ step, at });
    }
  });

  it("is none for what is in no form, nor for what only begins alike", () => {
    for (const pointer of [
      "",
      "/departments/7/name",
      "/tenant_name",
      "/roi/years_ahead",
      "/nothing",
    ]) {
      expect(placeOf(draft, pointer), pointer).toBeNull();
    }
  });
});

describe("what is missing", () => {
  it("is what has to be filled in and is not", () => {
    expect(missing(draft, "you")).toEqual(fields(draft, "you"));
    expect(missing(draft, "success")).toEqual(["/success_criteria/0/text"]);
    expect(missing(put(draft, "/success_criteria/0/text", "  "), "success")).toHaveLength(1);
    expect(missing(draft, "savings")).toEqual([]);
    expect(missing(put(draft, "/roi/ramp/0", ""), "savings")).toEqual([]);
    expect(missing(put(draft, "/roi/salary/amount", ""), "savings")).toEqual([
      "/roi/salary/amount",
    ]);
    expect(missing(draft, "review")).toEqual([]);
  });
});
