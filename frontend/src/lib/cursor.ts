/** The cursor in the path of a next page. */
export function cursor(next: string | null | undefined): string | null {
  if (!next) return null;
  return new URLSearchParams(next.slice(next.indexOf("?"))).get("page[after]");
}
