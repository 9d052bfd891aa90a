/** Filling in the form, as a prospect does it. */
import type { APIRequestContext, Page } from "@playwright/test";
import { token } from "./server";
import { expect } from "./test";

let count = 0;

/** A name that no other test has. */
export function name(): string {
  count += 1;
  return `flow-${process.pid}-${count}-${Date.now() % 1_000_000}`;
}

/** A day so many days from now, as a date field wants it. */
export function day(ahead: number): string {
  return new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
}

export async function go(page: Page, step: string, title: string): Promise<void> {
  await page
    .getByRole("navigation", { name: "Groups of questions" })
    .getByRole("link", { name: step })
    .click();
  await expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible();
}

/** Fills all that has to be filled in, and ends at the review. */
export async function fill(page: Page, tenant: string): Promise<void> {
  await page.goto("/start");
  await page.getByLabel("Name of the customer").fill("Acme Legal");
  await page.getByLabel("Name of the tenant").fill(tenant);
  await page.getByLabel("Whom to talk to").fill("Ada Lovelace");
  await page.getByLabel("Mail address").fill("ada@acme.example");
  await go(page, "The work", "What will it do, and how much?");
  await page.getByLabel("Use case").fill("Sort incoming claims.");
  await page.getByLabel("Department 1", { exact: true }).fill("Claims");
  await go(page, "Beginning", "When does it begin?");
  await page.getByLabel("Work begins on").fill(day(30));
  await go(page, "Review", "Read it once more");
}

export async function send(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send the request" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Your request" })).toBeVisible();
}

/** The requests that were made for a tenant. */
export async function intakes(request: APIRequestContext, tenant: string): Promise<unknown[]> {
  const headers = { authorization: `Bearer ${token("onboarding:approve")}` };
  const listed = await request.get("/onboarding?page[size]=1000&sort=submitted_at desc", {
    headers,
  });
  expect(listed.status()).toBe(200);
  const { data } = await listed.json();
  return data.filter((one: { tenant: { id: string } }) => one.tenant.id === tenant);
}
