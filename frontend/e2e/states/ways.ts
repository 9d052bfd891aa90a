/** Ways to bring a page into a state. */
import type { Locator, Page } from "@playwright/test";
import { form } from "../desk";
import { type Place, token } from "../server";
import { enter } from "../staff";
import { expect } from "../test";
import type { World } from "../world";

export interface State {
  /** What it is: part of the test's name. */
  readonly is: string;
  /** Where; the server of all tests unless given. */
  readonly at?: keyof World;
  /** Brings the page there; what shows that it is. */
  readonly reach: (page: Page, place: Place) => Promise<Locator>;
}

/** The server of all tests. */
export const HERE: Place = { url: "", secret: "" };

const STAFF = "billing:read onboarding:approve";

export async function enters(
  page: Page,
  place: Place,
  path: string,
  scopes = STAFF,
  role = "CustomerSuccessManager",
): Promise<void> {
  await page.goto(path);
  await enter(page, token(scopes, place.url === "" ? { role } : { place, role }), true);
}

/** Requests that are never answered: what is on its way stays so. */
export async function held(page: Page, ...what: string[]): Promise<void> {
  for (const one of what) await page.route(one, () => {});
}

/** Requests that get lost. */
export async function cut(page: Page, ...what: string[]): Promise<void> {
  for (const one of what) await page.route(one, (route) => route.abort());
}

/** What a page looks for by itself after so long, without waiting for it. Before the page is there. */
export async function hasten(page: Page): Promise<(milliseconds: number) => Promise<void>> {
  await page.clock.install();
  return (milliseconds) => page.clock.fastForward(milliseconds);
}

/** To an address that the server has no page for: a tab that is open can still be led there. */
export const led = (page: Page, path: string) =>
  page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);

export const said = (page: Page, text: string | RegExp) =>
  page.getByRole("main").getByText(text).filter({ visible: true }).first();

export const alert = (page: Page, text: string | RegExp) =>
  page.getByRole("main").getByRole("alert").filter({ hasText: text });

/** Sends a form by the API; the path of its request, and the receipt. */
export async function submitted(page: Page, tenant: string, change: object = {}) {
  const sent = await page.request.post("/onboarding", { data: form(tenant, change) });
  expect(sent.status(), await sent.text()).toBe(201);
  const { follow, receipt_token } = (await sent.json()) as {
    follow: string;
    receipt_token: string;
  };
  return { follow, id: follow.slice(follow.lastIndexOf("/") + 1), receipt: receipt_token };
}

/** Sends a form by the API, and opens its page with the receipt. The path of the request. */
export async function followed(page: Page, tenant: string, change: object = {}): Promise<string> {
  const { follow, id, receipt } = await submitted(page, tenant, change);
  await page.goto(`/requests/${id}`);
  await page.getByLabel("Receipt").fill(receipt);
  await page.getByRole("button", { name: "Look it up" }).click();
  return follow;
}
