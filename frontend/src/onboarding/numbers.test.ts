import { describe, expect, it } from "vitest";
import { plain, share, whole, yearly } from "./numbers";

describe("numbers as people type them", () => {
  it("lose the marks of thousands and nothing else", () => {
    expect(plain("60,000")).toBe("60000");
    expect(plain(" 1 234 567.50 ")).toBe("1234567.50");
    expect(plain("1\u202f000")).toBe("1000");
    for (const text of ["12,5", "1,00", "1,2345", "x", "", "1.000,5", "-"])
      expect(plain(text)).toBe(text);
  });

  it("in percent are shares, digit by digit", () => {
    for (const [percent, is] of [
      ["30", "0.3"],
      ["100", "1"],
      ["0", "0"],
      ["5", "0.05"],
      ["12.5", "0.125"],
      ["0.07", "0.0007"],
      ["200", "2"],
      ["15 %", "0.15"],
      ["100.0", "1"],
    ] as const) {
      expect(share(percent), percent).toBe(is);
    }
    for (const text of ["", "much", "-5", "1e3"]) expect(share(text)).toBe(text);
    for (let hundredths = 0; hundredths <= 20_000; hundredths += 37) {
      const percent = (hundredths / 100).toFixed(2);
      expect(Number(share(percent))).toBeCloseTo(hundredths / 10_000, 10);
    }
  });

  it("are whole or not taken", () => {
    expect(whole("1,800")).toBe(1800);
    expect(whole(" 7 ")).toBe(7);
    for (const text of ["", "7.5", "-1", "1e3", "9999999999999", "many"])
      expect(whole(text)).toBeNull();
  });

  it("of money times twelve are exact", () => {
    expect(yearly("299.00")).toBe("3588.00");
    expect(yearly("0.01")).toBe("0.12");
    expect(yearly("1200")).toBe("14400");
    expect(yearly("-1.5")).toBe("-18.0");
    expect(yearly("9007199254740993.11")).toBe("108086391056891917.32");
  });
});
