import { beforeEach, expect, test } from "vitest";
import { read, refuse, session, signIn, signOut, subscribe } from "./session";

beforeEach(signOut);

test("a pasted token is taken with what often stands around it", () => {
  expect(read("  abc.def.ghi \n")).toBe("abc.def.ghi");
  expect(read("Bearer abc.def")).toBe("abc.def");
  expect(read("Authorization: bearer abc.def")).toBe("abc.def");
});

test("what no header can carry is no token", () => {
  for (const wrong of ["", "   ", "two words", "a,b", "schlüssel", "a\nb", "bearer "]) {
    expect(read(wrong), wrong).toBeNull();
  }
});

test("a refusal ends the session of the token that was refused, and no later one", () => {
  signIn("first", false);
  signIn("second", false);
  refuse("first");
  expect(session()).toMatchObject({ token: "second", refused: false });
  refuse("second");
  expect(session()).toMatchObject({ token: null, refused: true });
});

test("each change is a session of its own, and told", () => {
  const before = session().number;
  let told = 0;
  const stop = subscribe(() => {
    told += 1;
  });
  signIn("one", false);
  signIn("one", false);
  signOut();
  stop();
  signIn("two", false);
  expect(told).toBe(3);
  expect(session().number).toBe(before + 4);
});
