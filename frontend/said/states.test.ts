import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isNamed, sentencesOf, states, statesOf } from "./states";

const TESTS = fileURLToPath(new URL("../e2e", import.meta.url));

/** What no table has, and why. */
const EXCUSED: Readonly<Record<string, string>> = {
  "It waits for:": "for the moments in which a stack starts",
  "The operator has not told its parts yet.": "for the moments in which a stack starts",
  "The operator has not looked at this profile as it is now.": "for the moment before it does",
  "The operator has numbered no revision yet.": "for the moment before it does",
  "There is no line yet: it has a point for each day.": "for the moment before a first summary",
  "Nobody needs to call now.": "the figures of the day say whether somebody needs to",
  "Most is to be gained by":
    "the figures of the day say whether a flag is to be taken back instead",
  "Nothing was used in this period, and no quota is agreed.": "an account is opened with a plan",
  "Copied. It has your figures, no names and no contact.": "the browser says whether it may be",
};

/** The tests that look at states as different people have them before them. */
function looking(): string {
  const tables = readdirSync(join(TESTS, "states")).map((name) => join("states", name));
  const specs = ["states.spec.ts", "fleet.spec.ts", "customers.spec.ts"];
  return [...specs, ...tables].map((name) => readFileSync(join(TESTS, name), "utf8")).join("\n");
}

test("a state is what is announced, what is wrong, and what stands there in one case", () => {
  const source = `
    const one = <p role="status">The list is on its way.</p>;
    const two = <Trouble what={old ? "This may be very old." : "The list is not here."} />;
    const three = list.length === 0 ? (<p>There is nobody at all.</p>) : <ol />;
    const four = <p className="note">A sentence that is always there.</p>;
    function Five() {
      if (list.length > 9) return <p>There are too many of them.</p>;
      return <p>This is said in all other cases.</p>;
    }`;
  expect(statesOf("a.tsx", source).map(({ texts }) => texts)).toEqual([
    ["The list is on its way."],
    ["This may be very old."],
    ["The list is not here."],
    ["There is nobody at all."],
    ["There are too many of them."],
  ]);
});

test("words that have no page of their own are states too, each sentence in its case", () => {
  const source = `
    const WORDS = { one: "It is on its way.", two: "there" };
    function way(n: number): string {
      if (n === 0) return "Nobody is there yet.";
      if (n === 1) return \`Revision \${n} has reached nobody yet.\`;
      return say("What is said elsewhere stands there.");
    }`;
  expect(sentencesOf("a.ts", source).map(({ texts }) => texts)).toEqual([
    ["It is on its way."],
    ["Nobody is there yet."],
  ]);
});

test("a state is named by how something that it says begins", () => {
  const state = { file: "a.tsx", texts: ["What it is:", "There is no request to brief from."] };
  expect(isNamed(state, 'said(page, "There is no request")')).toBe(true);
  expect(isNamed(state, 'said(page, "There is a request")')).toBe(false);
});

// All sources are read, on a machine that may be busy.
test("every state is looked at", { timeout: 60_000 }, () => {
  const tests = looking();
  const all = states();
  expect(all.length).toBeGreaterThan(50);
  const unseen = all.filter((state) => !isNamed(state, tests)).map(({ texts }) => texts[0] ?? "");
  expect(unseen.sort(), "no table has it, or a reason is no longer needed").toEqual(
    Object.keys(EXCUSED).sort(),
  );
});
