/** The groups of questions, and where each field is. */
import { type Draft, METERS, value, years } from "./draft";

export const STEPS = [
  { key: "you", name: "You", title: "Who is it for?" },
  { key: "work", name: "The work", title: "What will it do, and how much?" },
  { key: "savings", name: "The saving", title: "What does it save?" },
  { key: "success", name: "Success", title: "How will you know that it works?" },
  { key: "begin", name: "Beginning", title: "When does it begin?" },
  { key: "review", name: "Review", title: "Read it once more" },
] as const;

export type StepKey = (typeof STEPS)[number]["key"];

/** Every field of a step, in the order of the page. */
export function fields(draft: Draft, step: StepKey): string[] {
  const departments = Array.from({ length: draft.departments }, (_, i) => `/departments/${i}`);
  switch (step) {
    case "you":
      return ["/display_name", "/tenant", "/contact/name", "/contact/email"];
    case "work":
      return [
        "/use_case",
        "/purpose",
        ...departments.flatMap((at) => [`${at}/name`, `${at}/people`]),
        ...METERS.map((meter) => `/usage/${meter}/base`),
        "/voice_minutes",
        "/support_hours",
      ];
    case "savings":
      return [
        ...departments.flatMap((at) => [
          ...["low", "base", "high"].map((name) => `${at}/hours_per_week/${name}`),
          `${at}/weeks_per_year`,
        ]),
        "/currency",
        "/roi/salary/amount",
        "/roi/burden",
        "/roi/productive_hours",
        ...["low", "base", "high"].map((name) => `/roi/realisation/${name}`),
        "/roi/risk",
        "/roi/years",
        ...Array.from({ length: years(draft) }, (_, year) => `/roi/ramp/${year}`),
        "/roi/discount",
        "/roi/one_off/amount",
        "/roi/run_cost/amount",
        "/roi/error_cost_avoided/amount",
      ];
    case "success":
      return Array.from({ length: draft.signs }, (_, i) => [
        `/success_criteria/${i}/text`,
        `/success_criteria/${i}/by`,
      ]).flat();
    case "begin":
      return ["/go_live_date", "/time_zone", "/anchor_day"];
    case "review":
      return [];
  }
}

const OPTIONAL = [
  "/support_hours",
  "/voice_minutes",
  "/roi/one_off/amount",
  "/roi/run_cost/amount",
  "/roi/error_cost_avoided/amount",
];

function isOptional(at: string): boolean {
  return (
    OPTIONAL.includes(at) ||
    /^\/(usage|roi\/ramp)\//.test(at) ||
    /^\/success_criteria\/\d+\/by$/.test(at)
  );
}

/** The fields of a step that have to be filled in and are not. */
export function missing(draft: Draft, step: StepKey): string[] {
  return fields(draft, step).filter((at) => !isOptional(at) && value(draft, at).trim() === "");
}

/** What a value is part of, such as the estimates of a meter; not a whole list. */
function group(pointer: string): string {
  const found = /^(\/[^/]+\/.+)\/[^/]+$/.exec(pointer)?.[1];
  return found ?? pointer;
}

/** The field that a server's pointer is about: its own, or the nearest that the form has. */
export function placeOf(draft: Draft, pointer: string): { step: StepKey; at: string } | null {
  const within = (whole: string, part: string) => whole !== "" && part.startsWith(`${whole}/`);
  const ways: ((at: string) => boolean)[] = [
    (at) => at === pointer,
    (at) => within(pointer, at) || within(at, pointer),
    (at) => within(group(pointer), at),
  ];
  for (const way of ways) {
    for (const { key } of STEPS) {
      const at = fields(draft, key).find(way);
      if (at !== undefined) return { step: key, at };
    }
  }
  return null;
}
