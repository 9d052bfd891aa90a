import { describe, expect, it } from "vitest";
import {
  atLeast,
  count,
  exact,
  hundredths,
  instant,
  money,
  percent,
  price,
  quantity,
  round,
  share,
  used,
} from "./format";

/** Spaces as they are typed. */
const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");
const english = ["en-US"];

describe("figures", () => {
  it("have their currency", () => {
    expect(plain(money({ amount: "1049.00", currency: "USD" }, english))).toBe("USD 1,049.00");
    expect(plain(money({ amount: "-3.5", currency: "EUR" }, ["de-DE"]))).toBe("-3,50 EUR");
    expect(plain(money({ amount: "1200", currency: "JPY" }, english))).toBe("JPY 1,200");
    expect(plain(round({ amount: "1049.60", currency: "USD" }, english))).toBe("USD 1,050");
  });

  it("keep every digit, however many", () => {
    const amount = "9007199254740993.11";
    expect(plain(money({ amount, currency: "USD" }, english))).toBe("USD 9,007,199,254,740,993.11");
  });

  it("of units have the places that they need", () => {
    const of = (amount: string, currency: string, locales = english) =>
      plain(price({ amount, currency }, locales));
    expect(of("0.0006", "USD")).toBe("USD 0.0006");
    expect(of("0.05", "USD")).toBe("USD 0.05");
    expect(of("0.3", "USD")).toBe("USD 0.30");
    expect(of("45", "JPY")).toBe("JPY 45");
    expect(of("4.5", "JPY")).toBe("JPY 4.5");
    expect(of("0.3", "EUR", ["de-DE"])).toBe("0,30 EUR");
    expect(quantity("1000000", english)).toBe("1,000,000");
    expect(exact("82077.547685", english)).toBe("82,077.547685");
    expect(["0.30", "0.125", "0.0001", "1.00"].map((one) => share(one, english))).toEqual([
      "30%",
      "12.5%",
      "0.01%",
      "100%",
    ]);
    expect(["0.682784", "0.5", "0.999999", "1"].map((one) => hundredths(one, english))).toEqual([
      "0.68",
      "0.50",
      "0.99",
      "1.00",
    ]);
  });
});

describe("what is read", () => {
  it("has two places at most, and a little is never nothing", () => {
    const cases = [
      ["82077.547685", "82,077.55"],
      ["12.500000", "12.5"],
      ["1.015861", "1.02"],
      ["-3.456", "-3.46"],
      ["40000", "40,000"],
      ["0.004999", "0.005"],
      ["0.000499", "0.0005"],
      ["0.000000", "0"],
      ["9007199254740993.117", "9,007,199,254,740,993.12"],
    ] as const;
    for (const [given, told] of cases) expect(quantity(given, english), given).toBe(told);
    expect(quantity("82077.547685", ["de-DE"])).toBe("82.077,55");
    expect(count(10_005, english)).toBe("10,005");
  });

  it("is never less than what is needed", () => {
    expect(atLeast("0.354333", english)).toBe("0.36");
    expect(atLeast("2.1", english)).toBe("2.1");
  });

  it("is a share up to ten times the whole, and beyond that no figure", () => {
    const cases = [
      ["0.9499", "94%"],
      ["0.95", "95%"],
      ["1.5", "150%"],
      ["10", "1,000%"],
      ["10.000001", "more than 10 times"],
      ["1000", "more than 10 times"],
    ] as const;
    for (const [given, told] of cases) expect(used(given, english), given).toBe(told);
    expect(percent("0.9499", english)).toBe("94%");
  });
});

describe("instants", () => {
  it("say their zone", () => {
    expect(plain(instant("2026-11-29T08:15:00Z", english, "America/Chicago"))).toBe(
      "Nov 29, 2026, 02:15 AM CST",
    );
  });
});
