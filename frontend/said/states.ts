/** The states that the sources of the pages have, by what is said in each. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));

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
  return ts.isConditionalExpression(at);
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
  return readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".tsx"))
    .sort()
    .flatMap((name) => statesOf(name, readFileSync(join(SOURCES, name), "utf8")));
}

/** As many words of a piece tell it from others. */
const TELLING = 4;

/** Whether a test names it, by the beginning of something that is said there. */
export function isNamed({ texts }: State, tests: string): boolean {
  const begins = texts.map((text) => text.split(" ").slice(0, TELLING).join(" "));
  return begins.some((begin) => tests.includes(begin.replace(/[.,:;]$/, "")));
}
