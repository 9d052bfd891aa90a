import { exact } from "../lib/format";
import { meterName } from "../lib/price";
import { type Draft, METERS, value } from "./draft";
import { plain } from "./numbers";

const LABELS: Record<string, string> = {
  "/display_name": "Name of the customer",
  "/tenant": "Name of the tenant",
  "/contact/name": "Whom to talk to",
  "/contact/email": "Mail address",
  "/use_case": "Use case",
  "/purpose": "Purpose",
  "/voice_minutes": "Minutes of speech a month",
  "/support_hours": "Support answers within",
  "/currency": "Currency",
  "/roi/salary/amount": "Salary a year",
  "/roi/burden": "On top of the salary",
  "/roi/productive_hours": "Hours that one works a year",
  "/roi/realisation/low": "Becomes other work, cautious",
  "/roi/realisation/base": "Becomes other work, likely",
  "/roi/realisation/high": "Becomes other work, hopeful",
  "/roi/risk": "Written off as too hopeful",
  "/roi/years": "Years to look ahead",
  "/roi/discount": "Discount rate",
  "/roi/one_off/amount": "Costs once",
  "/roi/run_cost/amount": "Costs a year to run",
  "/roi/error_cost_avoided/amount": "Errors avoided a year",
  "/go_live_date": "Work begins on",
  "/time_zone": "Time zone",
  "/anchor_day": "Billing periods start on day",
};

const ESTIMATES: Record<string, string> = { low: "cautious", base: "likely", high: "hopeful" };

/** What a field is called. */
export function label(draft: Draft, at: string): string {
  const known = LABELS[at];
  if (known) return known;
  const meter = METERS.find((name) => at === `/usage/${name}/base`);
  if (meter) return `${meterName(meter)} a month`;
  const year = /^\/roi\/ramp\/(\d+)$/.exec(at)?.[1];
  if (year) return `Of the benefit in year ${Number(year) + 1}`;
  const sign = /^\/success_criteria\/(\d+)\/(text|by)$/.exec(at);
  if (sign) return `Sign ${Number(sign[1]) + 1}, ${sign[2] === "by" ? "until" : "what"}`;
  const department = /^\/departments\/(\d+)\/(\w+)(?:\/(\w+))?$/.exec(at);
  if (!department) return at;
  const [, index, what, estimate] = department;
  const name = value(draft, `/departments/${index}/name`).trim();
  const whose = name === "" ? `Department ${Number(index) + 1}` : name;
  if (what === "name") return `Department ${Number(index) + 1}`;
  if (what === "people") return `${whose}: people`;
  if (what === "weeks_per_year") return `${whose}: weeks a year`;
  return `${whose}: hours a week, ${ESTIMATES[estimate ?? "base"] ?? ""}`;
}

/** The unit that a field's number has; nothing where its label says it all. */
export function unit(draft: Draft, at: string): string {
  if (at.endsWith("/amount")) return value(draft, "/currency");
  if (/^\/roi\/(burden|risk|discount|realisation\/|ramp\/)/.test(at)) return "%";
  if (at === "/usage/agents/base") return "runs";
  if (at === "/usage/ingestion/base") return "GB";
  if (at === "/usage/query/base") return "requests";
  if (at === "/usage/timeline/base") return "entries";
  if (at === "/voice_minutes") return "min";
  if (at === "/support_hours") return "h";
  if (at === "/roi/productive_hours" || at.includes("hours_per_week")) return "h";
  return "";
}

const WORDS: Record<string, string> = {
  "/purpose=production": "To work with it",
  "/purpose=evaluation": "To try it",
};

/** What was typed, as people read it: grouped, with its unit. */
export function shown(draft: Draft, at: string): string {
  const text = value(draft, at).trim();
  const known = WORDS[`${at}=${text}`];
  if (known) return known;
  const typed = plain(text);
  const isNumber =
    at !== "/tenant" &&
    !/\/(name|display_name|use_case|text)$/.test(at) &&
    /^\d+(\.\d+)?$/.test(typed);
  const of = unit(draft, at);
  if (!isNumber) return of === "" ? text : `${text} ${of}`;
  if (at.endsWith("/amount")) return `${of} ${exact(typed)}`;
  return of === "" ? exact(typed) : `${exact(typed)} ${of}`;
}
