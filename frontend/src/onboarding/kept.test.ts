import { expect, it } from "vitest";
import { dropReceipt, keepReceipt, keptReceipt } from "./kept";

// Here is no storage, as where a browser denies it.
it("a receipt is there without storage, until it is dropped", () => {
  expect(() => sessionStorage).toThrow();
  keepReceipt("019c", "a receipt");
  expect(keptReceipt("019c")).toBe("a receipt");
  expect(keptReceipt("019d")).toBeNull();
  dropReceipt("019c");
  expect(keptReceipt("019c")).toBeNull();
});
