import { describe, expect, it } from "vitest";
import { addDepartment, empty, put, value } from "./draft";
import { assumed, fragment, isAssumption, opened } from "./link";
import { fields, STEPS } from "./steps";

const filled = () => {
  let draft = addDepartment(empty("Europe/Paris"));
  for (const { key } of STEPS) {
    for (const at of fields(draft, key)) if (!isAssumption(at)) draft = put(draft, at, "Somebody");
  }
  draft = put(draft, "/contact/email", "ada@acme.example");
  return put(put(draft, "/roi/salary/amount", "77,000"), "/usage/agents/base", "60000");
};

const said = (value: unknown) => `#a=${btoa(JSON.stringify(value))}`;

describe("a link", () => {
  it("opens every assumption and names nobody", () => {
    const hash = fragment(filled());
    expect(atob(hash.slice(3).replaceAll("-", "+").replaceAll("_", "/"))).not.toMatch(
      /Somebody|ada|Paris/,
    );
    const draft = opened(empty("UTC"), hash);
    expect(draft?.departments).toBe(2);
    for (const [at, text] of Object.entries(filled().values)) {
      if (isAssumption(at)) expect(draft && value(draft, at), at).toBe(text);
    }
    expect(draft && value(draft, "/time_zone")).toBe("UTC");
    expect(draft && value(draft, "/contact/email")).toBe("");
  });

  it("leaves nothing of what its opener had assumed, and all that they wrote", () => {
    const hash = fragment(empty("UTC"));
    let mine = put(filled(), "/usage/query/base", "900");
    mine = put(mine, "/departments/1/name", "Claims");
    const draft = opened(mine, hash);
    if (!draft) throw new Error("not opened");
    expect(draft.departments).toBe(1);
    expect(value(draft, "/usage/query/base")).toBe("");
    expect(value(draft, "/roi/salary/amount")).toBe("60,000");
    expect(value(draft, "/contact/email")).toBe("ada@acme.example");
    const since = put(draft, "/display_name", "Typed since");
    const back = assumed(since, mine);
    expect(value(back, "/display_name")).toBe("Typed since");
    expect(back).toEqual(put(mine, "/display_name", "Typed since"));
  });

  it("holds no text, also where somebody typed one for a number", () => {
    const draft = put(filled(), "/roi/salary/amount", "Ada earns 5");
    expect(opened(empty("UTC"), fragment(draft))?.values["/roi/salary/amount"]).toBe("60,000");
  });

  it("of somebody else's making changes nothing but assumptions", () => {
    const bad = {
      n: 1,
      v: {
        "/contact/email": "1",
        "/tenant": "1",
        "/departments/7/people": "5",
        "/roi/risk": "<b>",
        "/roi/burden": 7,
        "/roi/discount": "9".repeat(99),
        __proto__: { "/display_name": "x" },
        "/roi/years": "5",
      },
    };
    const before = empty("UTC");
    const draft = opened(before, said(bad));
    expect(draft?.values).toEqual({ ...before.values, "/roi/years": "5" });
  });

  it("that is none is none", () => {
    for (const hash of [
      "",
      "#main",
      "#a=",
      "#a=%%",
      said(5),
      said(null),
      said({ n: 0, v: {} }),
      said({ n: 51, v: {} }),
      said({ n: 1.5, v: {} }),
      said({ n: 1, v: null }),
      said({ n: 1e9, v: {} }),
    ]) {
      expect(opened(empty("UTC"), hash), hash).toBeNull();
    }
  });
});
