/** What asks for the page that a path of the API's names; nothing for the first. */
export function after(next: string | null): { "page[after]"?: string } {
  if (next === null) return {};
  const cursor = new URLSearchParams(next.slice(next.indexOf("?") + 1)).get("page[after]");
  return cursor === null ? {} : { "page[after]": cursor };
}
