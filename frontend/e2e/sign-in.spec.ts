import type { Page, Request } from "@playwright/test";
import { token } from "./server";
import { enter, left } from "./staff";
import { accessible, expect, test } from "./test";

function customers(page: Page) {
  return page.getByRole("heading", { level: 1, name: "Customers" });
}

test("who has a token signs in, and out", async ({ page }) => {
  const parts: string[] = [];
  page.on("request", (request) => parts.push(request.url()));
  await page.goto("/");
  await expect(page.getByRole("table")).toBeVisible();
  const inside = page.getByRole("navigation", { name: "Customer success" });
  await inside.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeFocused();
  await accessible(page);
  expect(parts.filter((url) => url.includes("CustomerHealth"))).toEqual([]);
  await enter(page, token("billing:read"));
  await expect(customers(page)).toBeFocused();
  await expect(page.getByRole("heading", { name: "Whom to call" })).toBeVisible();
  await expect(inside.getByRole("link", { name: "Customers" })).toHaveAttribute(
    "aria-current",
    "page",
  );
  await inside.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token", { exact: true })).toHaveValue("");
  await expect(customers(page)).toHaveCount(0);
});

test("a token is in memory alone: in no address, storage, page, history or log", async ({
  page,
  context,
}) => {
  const made = token("billing:read");
  const said: string[] = [];
  const asked: Promise<{ path: string; headers: Record<string, string>; rest: string }>[] = [];
  const note = (request: Request) => {
    const rest = request.url() + (request.postData() ?? "");
    const path = new URL(request.url()).pathname;
    asked.push(request.allHeaders().then((headers) => ({ path, headers, rest })));
  };
  page.on("console", (message) => said.push(message.text()));
  page.on("request", note);
  await page.goto("/customers");
  await page.getByLabel("Token", { exact: true }).fill(`Bearer ${made}`);
  expect(await left(page)).not.toContain(made);
  await page.getByRole("button", { name: "Show the token" }).click();
  expect(await left(page)).not.toContain(made);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(customers(page)).toBeVisible();
  await expect(page.getByText("is on its way")).toHaveCount(0);
  expect(await left(page)).not.toContain(made);
  expect(said.join("\n")).not.toContain(made);
  expect(await context.cookies()).toEqual([]);
  page.off("request", note);
  const requests = await Promise.all(asked);
  for (const { headers, rest } of requests) {
    expect(rest + (headers.referer ?? "")).not.toContain(made);
  }
  const sent = requests.filter(({ headers }) => headers.authorization).map(({ path }) => path);
  expect(sent).not.toEqual([]);
  expect(sent.filter((path) => !path.startsWith("/billing/usage"))).toEqual([]);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
});

test("a token is kept for the tab's session where somebody chose so, until they sign out", async ({
  page,
  context,
}) => {
  const made = token("billing:read");
  await page.goto("/customers");
  await enter(page, made, true);
  await expect(customers(page)).toBeVisible();
  const kept = () => page.evaluate(() => ({ ...sessionStorage }));
  expect(await kept()).toEqual({ "tenantry.token": made });
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
  await page.reload();
  await expect(customers(page)).toBeVisible();
  const other = await context.newPage();
  await other.goto("/customers");
  await expect(other.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await other.close();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  expect(await kept()).toEqual({});
});

test("what cannot be a token is not sent", async ({ page }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto("/customers");
  await enter(page, "two words");
  await expect(page.getByRole("alert")).toContainText("A token is one word");
  await expect(page.getByLabel("Token", { exact: true })).toBeFocused();
  await accessible(page);
  expect(asked.filter((url) => url.includes("/billing/"))).toEqual([]);
});

test.describe("what the server does not take", () => {
  test.use({ expected: /Failed to load resource/ });

  test("ends the session: the token is forgotten, and another one goes on there", async ({
    page,
  }) => {
    await page.goto("/customers");
    await enter(page, "stale.token.here", true);
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("The server no longer takes that token.");
    await expect(page.getByLabel("Token", { exact: true })).toBeFocused();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await accessible(page);
    await enter(page, token("billing:read"));
    await expect(customers(page)).toBeVisible();
    await expect(page.getByText("is on its way")).toHaveCount(0);
    await expect(alert).toHaveCount(0);
  });

  test("names the scope and role that a token lacks", async ({ page }) => {
    await page.goto("/customers");
    await enter(page, token("billing:read", { role: "Visitor" }));
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("Your token does not reach this.");
    await expect(alert).toContainText("billing:read");
    await expect(alert).toContainText("CustomerSuccessManager");
    await accessible(page);
    await alert.getByRole("button", { name: "Use another token" }).click();
    await enter(page, token("billing:read"));
    await expect(page.getByText("is on its way")).toHaveCount(0);
    await expect(alert).toHaveCount(0);
  });
});
