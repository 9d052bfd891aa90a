import { describe, expect, it } from "vitest";
import type { Schemas } from "../api/client";
import { beyond, bounds, meterName, meters } from "./price";

function meter(unit: string, price: Schemas["PlanPrice"]): Schemas["PlanMeter"] {
  return { name: "agents", unit, included: "10", price };
}

/** Spaces as they are typed. */
const said = (of: Schemas["PlanMeter"], currency: string) =>
  beyond(of, currency).replaceAll(/[\u00a0\u202f]/g, " ");

describe("what more costs", () => {
  it("is said for each way of pricing", () => {
    expect(said(meter("runs", { kind: "flat", price: "0.050" }), "USD")).toBe("USD 0.05 per run");
    expect(said(meter("GB", { kind: "flat", price: "0.40" }), "USD")).toBe("USD 0.40 per GB");
    expect(said(meter("entries", { kind: "flat", price: "0.0004" }), "USD")).toBe(
      "USD 0.0004 per entry",
    );
    expect(said(meter("runs", { kind: "package", size: "1000", price: "9" }), "EUR")).toBe(
      "EUR 9.00 per 1,000 runs begun",
    );
    const tiers = [{ up_to: "400000", price: "0.01" }, { price: "0.008" }];
    expect(said(meter("runs", { kind: "graduated", tiers }), "USD")).toBe(
      "USD 0.01 up to 400,000, USD 0.008 above, each unit by its tier",
    );
    expect(said(meter("runs", { kind: "volume", tiers }), "USD")).toBe(
      "USD 0.01 up to 400,000, USD 0.008 above, all units by the tier reached",
    );
  });

  it("has its bounds", () => {
    const plain = meter("runs", { kind: "flat", price: "1" });
    expect(bounds(plain)).toBeNull();
    const bounded = { ...plain, maximum: { amount: "50.00", currency: "USD" } };
    expect(bounds(bounded)?.replaceAll("\u00a0", " ")).toBe("at most USD 50.00");
  });
});

describe("meters", () => {
  it("of a catalogue that is not the shipped one keep their names", () => {
    expect(meterName("agents")).toBe("Agent runs");
    expect(meterName("parcels")).toBe("parcels");
  });

  it("are listed once, in their order", () => {
    const plan = (names: string[]): Schemas["Plan"] => ({
      key: "p",
      version: 1,
      base: { amount: "1.00", currency: "USD" },
      support_hours: 8,
      meters: names.map((name) => ({ ...meter("runs", { kind: "flat", price: "1" }), name })),
    });
    expect(meters([plan(["a", "b"]), plan(["b", "c"])])).toEqual(["a", "b", "c"]);
  });
});
