import { expect, test } from "vitest";
import { after } from "./cursor";

test("a next page is asked for by its cursor, the first without one", () => {
  expect(after(null)).toEqual({});
  expect(after("/onboarding?page%5Bsize%5D=50&page%5Bafter%5D=a%2Bb%3D")).toEqual({
    "page[after]": "a+b=",
  });
  expect(after("/onboarding?page[size]=50")).toEqual({});
});
