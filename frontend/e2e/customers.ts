/** Customers as the API makes them: taken on by a form, then used, told of and summed up. */
import type { Place } from "./server";
import { token } from "./server";

export interface Customer {
  readonly id: string;
  readonly name: string;
  /** What customer success states; well unless said otherwise. */
  readonly facts?: Record<string, unknown> | null;
  /** Use by meter: in units, one event for each. */
  readonly used?: Record<string, readonly string[]>;
  /** Answers of support, in hours. */
  readonly answers?: readonly number[];
  /** Further attributes of its first event. */
  readonly said?: Record<string, string>;
  readonly useCase?: string;
  /** In which they pay; dollars unless given. */
  readonly currency?: string;
}

export const WELL = {
  stage: "live",
  departments: { active: 5, planned: 5 },
  criteria: { met: 4, due: 4 },
  error_budget_used: "0",
  days_overdue: 0,
  open_incidents: { sev1: 0, sev2: 0 },
};

export const OVERDUE = { ...WELL, days_overdue: 61 };

type Method = "GET" | "POST" | "PUT";

async function send(
  place: Place,
  bearer: string | null,
  method: Method,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (bearer !== null) headers.authorization = `Bearer ${bearer}`;
  const answer = await fetch(place.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** A day of the month on which no period turns while tests run; most of a month's end has no quota left. */
function anchor(): number {
  const day = new Date().getUTCDate();
  return day > 12 && day < 17 ? 1 : 15;
}

function form({ id, name, useCase, currency = "USD" }: Customer): object {
  return {
    tenant: id,
    display_name: name,
    contact: { name: "Ada Lovelace", email: `ada@${id}.example` },
    use_case: useCase ?? "Sort incoming claims.",
    departments: [
      {
        name: "Claims",
        people: 12,
        weeks_per_year: 46,
        hours_per_week: { low: "3", base: "4", high: "5" },
      },
    ],
    usage: { agents: { base: "60000" } },
    purpose: "production",
    go_live_date: new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10),
    time_zone: "UTC",
    anchor_day: anchor(),
    currency,
    roi: { burden: "0.30", salary: { amount: "52000", currency } },
  };
}

/** A token of who takes customers on and states what is known of them. */
export function approving(place: Place): string {
  return token("onboarding:approve success:write support:write", { place });
}

/** Takes customers on, in order; some at a time. */
export async function takeOn(place: Place, customers: readonly Customer[]): Promise<void> {
  const approver = approving(place);
  const left = [...customers];
  const work = async () => {
    for (let one = left.shift(); one; one = left.shift()) await take(place, approver, one);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

async function take(place: Place, bearer: string, customer: Customer): Promise<void> {
  const { id, used: amounts, said } = customer;
  const { follow } = await send(place, null, "POST", "/onboarding", form(customer));
  await send(place, bearer, "POST", `${follow}/approve`);
  await told(place, bearer, customer);
  for (const [meter, quantities] of Object.entries(amounts ?? {})) {
    const time = new Date().toISOString();
    await used(
      place,
      id,
      meter,
      quantities.map((quantity) => ({ time, quantity })),
      said,
    );
  }
}

/** What customer success and support state about somebody who is there. */
export async function told(
  place: Place,
  bearer: string,
  { id, facts, answers }: Pick<Customer, "id" | "facts" | "answers">,
): Promise<void> {
  if (facts !== null) await send(place, bearer, "PUT", `/accounts/${id}/facts`, facts ?? WELL);
  for (const [index, hours] of (answers ?? []).entries()) {
    const opened = Date.now() - 48 * 3_600_000;
    await send(place, bearer, "POST", "/support/interactions", {
      account: id,
      source: "desk",
      id: `T-${index}`,
      opened_at: new Date(opened).toISOString(),
      answered_at: new Date(opened + hours * 3_600_000).toISOString(),
      sla_hours: 8,
    });
  }
}

/** Sends use of one meter, an event for each, by who may send for an account. */
export async function used(
  place: Place,
  id: string,
  meter: string,
  amounts: readonly { readonly time: string; readonly quantity: string }[],
  said: Record<string, string> = {},
): Promise<void> {
  const sender = token("usage:write", {
    place,
    audience: "tenantry-usage",
    tenant: id,
    role: null,
  });
  for (const [index, { time, quantity }] of amounts.entries()) {
    await send(place, sender, "POST", "/usage/events", {
      specversion: "1.0",
      id: `${meter}-${index}`,
      source: "/core",
      type: `dev.tenantry.usage.${meter}`,
      time,
      ...(index === 0 ? said : {}),
      data: { quantity },
    });
  }
}
