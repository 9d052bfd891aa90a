import { describe, expect, it } from "vitest";
import { about, hundredths, instant, money, price, quantity, round, share } from "./format";

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
    expect(price("0.0006", english)).toBe("0.0006");
    expect(price("0.05", english)).toBe("0.05");
    expect(price("0.3", english)).toBe("0.30");
    expect(quantity("1000000", english)).toBe("1,000,000");
    expect(quantity("12.500000", english)).toBe("12.5");
    expect(about("0.354333", "ceil", english)).toBe("0.36");
    expect(about("1.015861", "halfExpand", english)).toBe("1.02");
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

describe("instants", () => {
  it("say their zone", () => {
    expect(plain(instant("2026-11-29T08:15:00Z", english, "America/Chicago"))).toBe(
      "Nov 29, 2026, 02:15 AM CST",
    );
  });
});
