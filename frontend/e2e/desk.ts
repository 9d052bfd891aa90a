/** What customer success does, by the pages and by the API. */
import type { APIRequestContext, Page } from "@playwright/test";
import { day } from "./form";
import { type Place, token } from "./server";
import { expect } from "./test";

export async function enter(page: Page, scopes: string): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token(scopes));
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** A good form, with whatever is to be otherwise. */
export function form(tenant: string, change: object = {}): object {
  const usd = (amount: string) => ({ amount, currency: "USD" });
  return {
    display_name: "Initech Legal",
    tenant,
    contact: { name: "Operations", email: "ops@initech.example" },
    use_case: "Read contracts.\nMost of them are leases.",
    purpose: "production",
    go_live_date: day(60),
    success_criteria: [
      { text: "Nobody reads a lease by hand", by: day(200) },
      { text: "No queue" },
    ],
    departments: [
      {
        name: "Litigation",
        people: 12,
        weeks_per_year: 46,
        hours_per_week: { low: "3", base: "4", high: "5" },
      },
    ],
    usage: { agents: { base: "40000" } },
    voice_minutes: 12000,
    support_hours: 8,
    currency: "USD",
    time_zone: "America/Chicago",
    roi: { salary: usd("52000.00"), burden: "0.30", one_off: usd("12000.00") },
    ...change,
  };
}

/** Sends a form; the id of its request. */
export async function asked(
  request: APIRequestContext,
  tenant: string,
  change: object = {},
): Promise<string> {
  const sent = await request.post("/onboarding", { data: form(tenant, change) });
  expect(sent.status(), await sent.text()).toBe(201);
  const { follow } = await sent.json();
  return follow.slice(follow.lastIndexOf("/") + 1);
}

export async function decide(
  request: APIRequestContext,
  id: string,
  what: "approve" | "reject" | "withdraw",
  data?: object,
  place?: Place,
): Promise<void> {
  const bearer = token("onboarding:approve", place ? { place } : {});
  const headers = { authorization: `Bearer ${bearer}` };
  const decided = await request.post(`/onboarding/${id}/${what}`, {
    headers,
    ...(data ? { data } : {}),
  });
  expect(decided.status(), await decided.text()).toBe(200);
}
