import { expect, test } from "vitest";
import { isFiltered, read, searched, turn, USUAL, type View, write } from "./view";

test("an address and what it asks for are the same", () => {
  const views: View[] = [
    USUAL,
    { ...USUAL, descending: true },
    {
      sort: "ratio",
      descending: true,
      flagged: true,
      level: "hard",
      plan: "team",
      name: "Ac & Co",
    },
    { sort: "account", descending: false, flagged: false, level: "ok", plan: "none", name: null },
    { ...USUAL, sort: "support", name: "شركة" },
  ];
  for (const view of views) expect(read(write(view))).toEqual(view);
  expect(write(USUAL)).toBe("");
});

test("what an address cannot mean is as usual", () => {
  expect(read("sort=password+desc&flagged=perhaps&level=loud&plan=%3Cscript%3E")).toEqual(USUAL);
  expect(read("sort=health%20sideways")).toEqual(USUAL);
});

test("a column chosen again is turned round; a new one begins where one looks first", () => {
  expect(turn(USUAL, "health")).toMatchObject({ sort: "health", descending: true });
  expect(turn(turn(USUAL, "health"), "health")).toEqual(USUAL);
  expect(turn(USUAL, "ratio")).toMatchObject({ sort: "ratio", descending: true });
  expect(turn({ ...USUAL, descending: true }, "account")).toMatchObject({ descending: false });
});

test("an order is no filter", () => {
  expect(isFiltered({ ...USUAL, sort: "ratio" })).toBe(false);
  expect(isFiltered({ ...USUAL, flagged: false })).toBe(true);
  expect(isFiltered({ ...USUAL, name: "a" })).toBe(true);
});

test("what is searched for is a line, and of blanks nothing", () => {
  expect(searched("  Acme Legal ")).toBe("Acme Legal");
  expect(searched("Acme\n\u0000Legal")).toBe("Acme Legal");
  expect([searched(""), searched(" \t ")]).toEqual([null, null]);
  expect(searched("x".repeat(200))).toHaveLength(100);
});
