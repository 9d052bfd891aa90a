/** The states that the sources of the pages have, by what is said in each. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));

/** Sources that have no page of their own, only what pages say of where something is. */
const WORDS = /(^|\/)(profiles\/words|onboarding\/stages)\.ts$/;

export interface State {
  readonly file: string;
  /** What is said there, in the pieces that stand between figures. */
  readonly texts: readonly string[];
}

const plain = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/** Words by which a piece is a sentence's, rather than a name. */
const FEWEST = 3;

function pieces(node: ts.Node): string[] {
  const found: string[] = [];
  const visit = (one: ts.Node) => {
    if (ts.isJsxAttribute(one) && one.name.getText() !== "what") return;
    if (ts.isJsxText(one) || ts.isStringLiteralLike(one) || ts.isTemplateHead(one)) {
      const text = plain(one.text);
      if (text.split(" ").length >= FEWEST) found.push(text);
    }
    ts.forEachChild(one, visit);
  };
  visit(node);
  return found;
}

/** Whether it is announced as a state: `role="status"` or `role="alert"`. */
function isAnnounced(node: ts.JsxElement): boolean {
  return node.openingElement.attributes.properties.some(
    (one) => ts.isJsxAttribute(one) && /^role="(status|alert)"$/.test(one.getText()),
  );
}

/** Whether it is a paragraph that stands there in one case and not in another. */
function isCase(node: ts.JsxElement): boolean {
  if (node.openingElement.tagName.getText() !== "p") return false;
  let at: ts.Node = node.parent;
  while (ts.isParenthesizedExpression(at)) at = at.parent;
  return ts.isConditionalExpression(at) || isReturnedInACase(at);
}

/** Whether it is what a function comes to in one case: a `return` of an `if`, or of a `switch`. */
function isReturnedInACase(node: ts.Node): boolean {
  if (!ts.isReturnStatement(node)) return false;
  const around = ts.isBlock(node.parent) ? node.parent.parent : node.parent;
  return ts.isIfStatement(around) || ts.isCaseOrDefaultClause(around);
}

/** Sentences that a source of words comes to, each in its case. */
export function sentencesOf(file: string, source: string): State[] {
  const found: State[] = [];
  const visit = (node: ts.Node) => {
    const said = ts.isReturnStatement(node) || ts.isPropertyAssignment(node) ? pieces(node) : [];
    const nested =
      ts.isReturnStatement(node) && node.expression && ts.isCallExpression(node.expression);
    // What ends as a sentence does, or goes on with a figure.
    if (!nested && /^\p{Lu}/u.test(said[0] ?? "")) {
      for (const text of said.filter((one) => /^\p{Lu}/u.test(one)))
        found.push({ file, texts: [text] });
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS));
  return found;
}

/** Those of one source. */
export function statesOf(file: string, source: string): State[] {
  const found: State[] = [];
  const add = (texts: readonly string[]) => {
    // What begins in the middle of a sentence is said of something that is there.
    if (/^\p{Lu}/u.test(texts[0] ?? "")) found.push({ file, texts });
  };
  const visit = (node: ts.Node) => {
    if (ts.isJsxElement(node) && (isAnnounced(node) || isCase(node))) return add(pieces(node));
    if (ts.isJsxAttribute(node) && node.name.getText() === "what") {
      for (const text of pieces(node)) add([text]);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX));
  return found;
}

export function states(): State[] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).sort();
  const read = (name: string) => readFileSync(join(SOURCES, name), "utf8");
  return [
    ...files.filter((name) => name.endsWith(".tsx")).flatMap((name) => statesOf(name, read(name))),
    ...files.filter((name) => WORDS.test(name)).flatMap((name) => sentencesOf(name, read(name))),
  ];
}

/** As many words of a piece tell it from others. */
const TELLING = 4;

/** Whether a test names it, by the beginning of something that is said there. */
export function isNamed({ texts }: State, tests: string): boolean {
  const begins = texts.map((text) => text.split(" ").slice(0, TELLING).join(" "));
  return begins.some((begin) => tests.includes(begin.replace(/[.,:;]$/, "")));
}
