/** What docs/ui.md shows, each in both themes: `docs/pictures/NAME-THEME.webp`. */
export const PICTURES = [
  "plans",
  "start",
  "review",
  "request",
  "customers",
  "customers-phone",
  "customer",
  "bill",
  "approval",
  "brief",
  "stacks",
  "stack",
] as const;

export type Picture = (typeof PICTURES)[number];

export const THEMES = ["light", "dark"] as const;

/** The most that one may take, in bytes. */
export const LARGEST = 60_000;
