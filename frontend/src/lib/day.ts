/** A day without a time or zone, as the API writes it: `15 Jan 2027`. */
export function day(text: string, locales?: string): string {
  const at = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return text;
  const languages = locales ?? (typeof navigator === "undefined" ? undefined : navigator.language);
  const parts = { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(languages, parts).format(at);
}
