import { describe, expect, it } from "vitest";
import { csv } from "./csv";

describe("a sheet", () => {
  it("has numbers as numbers and everything else quoted", () => {
    expect(csv([["a", "12.50", "-3", 'say "x"', "two\nlines"]])).toBe(
      '"a",12.50,-3,"say ""x""","two\nlines"\r\n',
    );
  });

  it("runs nothing", () => {
    const bad = [
      "=1+1",
      "+1",
      "-1+1",
      "@SUM(A1)",
      "\t=1",
      "\r=1",
      " =1",
      "|calc",
      "%0",
      '=HYPERLINK("x")',
    ];
    for (const text of bad) {
      const cell = csv([[text]]);
      expect(cell.startsWith("\"'"), JSON.stringify(text)).toBe(true);
    }
  });
});
