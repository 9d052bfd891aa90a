import { describe, expect, it } from "vitest";
import {
  addDepartment,
  addSign,
  empty,
  MOST_DEPARTMENTS,
  MOST_SIGNS,
  put,
  removeDepartment,
  removeSign,
  suggestedTenant,
  value,
  years,
} from "./draft";

describe("departments", () => {
  it("keep what belongs to them when one goes", () => {
    let draft = empty("UTC");
    for (let more = 1; more < 12; more += 1) draft = addDepartment(draft);
    for (let index = 0; index < 12; index += 1)
      draft = put(draft, `/departments/${index}/name`, `d${index}`);
    draft = removeDepartment(draft, 1);
    expect(draft.departments).toBe(11);
    const names = Array.from({ length: 11 }, (_, index) =>
      value(draft, `/departments/${index}/name`),
    );
    expect(names).toEqual(["d0", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11"]);
    expect(value(draft, "/departments/11/name")).toBe("");
  });

  it("are at least one and at most what the server takes", () => {
    let draft = empty("UTC");
    expect(removeDepartment(draft, 0).departments).toBe(1);
    for (let more = 0; more < MOST_DEPARTMENTS + 5; more += 1) draft = addDepartment(draft);
    expect(draft.departments).toBe(MOST_DEPARTMENTS);
  });
});

describe("signs", () => {
  it("come and go", () => {
    let draft = empty("UTC");
    for (let more = 0; more < MOST_SIGNS + 2; more += 1) draft = addSign(draft);
    expect(draft.signs).toBe(MOST_SIGNS);
    draft = put(put(draft, "/success_criteria/0/text", "a"), "/success_criteria/1/text", "b");
    draft = removeSign(draft, 0);
    expect(value(draft, "/success_criteria/0/text")).toBe("b");
    expect(draft.signs).toBe(MOST_SIGNS - 1);
  });
});

describe("a tenant's name", () => {
  it("follows from the customer's", () => {
    expect(suggestedTenant("Acme Legal")).toBe("acme-legal");
    expect(suggestedTenant("  Société Générale & Söhne  ")).toBe("societe-generale-sohne");
    expect(suggestedTenant("שלום")).toBe("");
    expect(suggestedTenant("x".repeat(60))).toHaveLength(40);
    expect(suggestedTenant(`${"x".repeat(39)} y`)).toBe("x".repeat(39));
  });
});

describe("years", () => {
  it("are those that the form can show", () => {
    const of = (text: string) => years(put(empty("UTC"), "/roi/years", text));
    expect([of("3"), of("10"), of("0"), of("11"), of("x"), of("2.5")]).toEqual([3, 10, 0, 0, 0, 0]);
  });
});
