import { describe, expect, it } from "vitest";
import { addDepartment, addSign, empty, put } from "./draft";
import { missing, placeOf, STEPS } from "./steps";
import { businessCase, intake, NotWhole, needs } from "./wire";

const filled = () =>
  Object.entries({
    "/display_name": " Acme Legal ",
    "/tenant": "acme",
    "/contact/name": "Ada",
    "/contact/email": "ada@acme.example",
    "/use_case": "Sort claims.",
    "/departments/0/name": "Claims",
    "/usage/agents/base": "60,000",
    "/voice_minutes": "",
    "/support_hours": "8",
    "/go_live_date": "2027-01-15",
    "/roi/run_cost/amount": "",
  }).reduce((draft, [at, text]) => put(draft, at, text), empty("America/Chicago"));

describe("the form as it is sent", () => {
  it("is what the API takes", () => {
    const money = (amount: string) => ({ amount, currency: "USD" });
    expect(intake(filled())).toEqual({
      display_name: "Acme Legal",
      tenant: "acme",
      contact: { name: "Ada", email: "ada@acme.example" },
      use_case: "Sort claims.",
      purpose: "production",
      go_live_date: "2027-01-15",
      success_criteria: [],
      departments: [
        {
          name: "Claims",
          people: 10,
          hours_per_week: { low: "1", base: "2", high: "3" },
          weeks_per_year: 46,
        },
      ],
      usage: { agents: { base: "60000" } },
      voice_minutes: 0,
      support_hours: 8,
      currency: "USD",
      time_zone: "America/Chicago",
      anchor_day: 1,
      roi: {
        salary: money("60000"),
        burden: "0.3",
        productive_hours: 1800,
        realisation: { low: "0.5", base: "0.7", high: "0.8" },
        risk: "0.15",
        error_cost_avoided: money("0"),
        run_cost: money("0"),
        one_off: money("0"),
        discount: "0.1",
        ramp: ["0.6", "1", "1"],
        years: 3,
      },
    });
  });

  it("names what is no whole number", () => {
    const draft = put(put(filled(), "/departments/0/people", "some"), "/anchor_day", "1.5");
    expect(() => intake(draft)).toThrow(NotWhole);
    try {
      intake(draft);
    } catch (error) {
      expect((error as NotWhole).at).toEqual(["/departments/0/people", "/anchor_day"]);
    }
    expect(() => needs(put(filled(), "/voice_minutes", "a few"))).toThrow(NotWhole);
  });

  it("has the plan's twelve months as its subscription", () => {
    const roi = businessCase(filled(), { amount: "1602.50", currency: "USD" });
    expect(roi.subscription).toEqual({ amount: "19230.00", currency: "USD" });
    expect(roi.departments).toHaveLength(1);
  });

  it("has the signs of success, each with its day if it has one", () => {
    let draft = addSign(addSign(filled()));
    draft = put(draft, "/success_criteria/0/text", " Half is sorted ");
    draft = put(draft, "/success_criteria/0/by", "2027-03-01");
    draft = put(draft, "/success_criteria/1/text", "Nobody waits a day");
    expect(intake(draft)).toMatchObject({
      use_case: "Sort claims.",
      success_criteria: [
        { text: "Half is sorted", by: "2027-03-01" },
        { text: "Nobody waits a day" },
      ],
    });
  });
});

describe("what is wrong", () => {
  it("has its place in the form", () => {
    const draft = addDepartment(filled());
    const place = (pointer: string) => placeOf(draft, pointer)?.at ?? null;
    expect(place("/tenant")).toBe("/tenant");
    expect(place("/contact/email")).toBe("/contact/email");
    expect(place("/departments/1/hours_per_week/low")).toBe("/departments/1/hours_per_week/low");
    expect(place("/departments/1/hours_per_week")).toBe("/departments/1/hours_per_week/low");
    expect(place("/usage/agents")).toBe("/usage/agents/base");
    expect(place("/usage/agents/high")).toBe("/usage/agents/base");
    expect(place("/roi/salary/currency")).toBe("/roi/salary/amount");
    expect(place("/unheard/of")).toBe(null);
    expect(place("/roi/ramp/2")).toBe("/roi/ramp/2");
    expect(place("")).toBe(null);
    expect(place("/departments/7/name")).toBe(null);
    const signed = addSign(draft);
    expect(placeOf(signed, "/success_criteria/0/by")).toEqual({
      step: "success",
      at: "/success_criteria/0/by",
    });
    expect(placeOf(signed, "/success_criteria")?.step).toBe("success");
  });

  it("is nothing where all is filled in, and all that must be where nothing is", () => {
    expect(STEPS.flatMap(({ key }) => missing(filled(), key))).toEqual([]);
    expect(STEPS.flatMap(({ key }) => missing(empty("UTC"), key))).toEqual([
      "/display_name",
      "/tenant",
      "/contact/name",
      "/contact/email",
      "/use_case",
      "/departments/0/name",
      "/go_live_date",
    ]);
  });
});
