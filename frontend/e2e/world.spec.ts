/** What customer success sees of customers with a history, and of such who pay in other money. */
import type { Page } from "@playwright/test";
import { takeOn } from "./customers";
import { type Place, token } from "./server";
import { enter, left } from "./staff";
import { expect } from "./test";
import { test as base, LONG, type World } from "./world";

const test = base.extend<{ at: keyof World }>({
  at: ["inhabited", { option: true }],
  place: async ({ at, world }, use) => use(await world[at]()),
});

const SCOPES = "billing:read onboarding:approve";

async function enters(page: Page, place: Place | null, path: string): Promise<void> {
  if (!place) throw new Error("no server");
  await page.goto(path);
  await enter(page, token(SCOPES, { place }), true);
}

async function ask<T>(place: Place | null, path: string): Promise<T> {
  if (!place) throw new Error("no server");
  const headers = { authorization: `Bearer ${token(SCOPES, { place })}` };
  const answer = await fetch(place.url + path, { headers });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

const listed = (page: Page) => page.getByRole("table", { name: "All customers" });

test("who pays most comes first, or last, as the server has it", async ({ page, place }) => {
  await enters(page, place, "/customers");
  const head = listed(page).getByRole("columnheader", { name: "This period’s cost" });
  const shows = async (way: string) => {
    await expect(head).toHaveAttribute("aria-sort", `${way}ending`);
    const path = `/billing/usage?sort=projected_cost ${way}`;
    const { data } = await ask<{ data: { name: string }[] }>(place, path);
    const names = () => listed(page).getByRole("rowheader").getByRole("link").allInnerTexts();
    await expect.poll(names).toEqual(data.map(({ name }) => name));
    return data.map(({ name }) => name);
  };
  await head.getByRole("button").click();
  const down = await shows("desc");
  expect(down).toContain("Acme Legal");
  await head.getByRole("button").click();
  expect(await shows("asc"), "one has a cost, and three have none").not.toEqual(down);
});

test.describe("a token that is over", () => {
  test.use({ expected: /Failed to load resource.*401/ });

  test("takes away all that was shown for it", async ({ page, place }) => {
    const asks: number[] = [];
    page.on("response", (answer) => {
      if (answer.url().includes("/billing/usage")) asks.push(answer.status());
    });
    if (!place) throw new Error("no server");
    // Good for as long as it takes to look: then the server sees by itself that it no longer is.
    const made = token(SCOPES, { place, seconds: 20 });
    const over = Date.now() + 21_000;
    await page.goto("/customers?sort=account");
    await enter(page, made, true);
    await expect(listed(page).getByRole("link", { name: LONG })).toBeVisible();
    await expect(page.getByRole("region", { name: "Whom to call" })).toContainText("Globex");
    expect(asks).not.toContain(401);
    await page.waitForTimeout(Math.max(0, over - Date.now()));
    await page.getByRole("button", { name: "Look again" }).click();
    const heading = page.getByRole("heading", { level: 1, name: "Sign in" });
    await expect(heading).toBeVisible();
    expect(asks).toContain(401);
    await expect(page.getByRole("alert")).toContainText("The server no longer takes that token.");
    await expect(page.getByLabel("Token", { exact: true })).toBeFocused();
    const everything = await left(page);
    for (const what of [made, LONG, "Globex", "Acme Legal"]) expect(everything).not.toContain(what);
    await page.reload();
    await expect(heading).toBeVisible();
    // Who signs in next goes on there, and sees what is asked for them.
    const before = asks.length;
    await enter(page, token(SCOPES, { place }));
    await expect(listed(page).getByRole("link", { name: LONG })).toBeVisible();
    expect(asks.length).toBeGreaterThan(before);
    expect(new URL(page.url()).search).toBe("?sort=account");
  });
});

test.describe("who listens", () => {
  test("hears whom to call, why, and what helps", async ({ page, place }) => {
    await enters(page, place, "/customers");
    const calls = page.getByRole("region", { name: "Whom to call" });
    await expect(calls).toMatchAriaSnapshot(`
      - heading "Whom to call" [level=2]
      - list
    `);
    await expect(calls.getByRole("listitem").filter({ hasText: "Globex" })).toMatchAriaSnapshot(`
      - listitem:
        - paragraph:
          - link "Globex":
            - /url: /customers/globex
          - text: /globex, (starter|team|scale)/
        - paragraph: /Health is 0\\.\\d+, below 0\\.75/
        - paragraph: /Helps most. Settle the invoice/
        - term: Health
        - definition: /0\\.\\d+/
    `);
  });

  test("hears every part of a customer’s page by its name", async ({ page, place }) => {
    await enters(page, place, "/customers/globex");
    await expect(page.getByRole("table", { name: "What health is made of" })).toBeVisible();
    await expect(page.getByRole("img", { name: /runs used, of .* included/ })).toBeVisible();
    await expect(page.getByRole("main")).toMatchAriaSnapshot(`
      - paragraph:
        - link "All customers"
      - heading "Globex" [level=1]
      - region "Health":
        - heading "Health" [level=2]
        - table "What health is made of":
          - rowgroup:
            - row "Factor What was measured Weight Points Brings"
      - region "Use":
        - heading "Use" [level=2]
        - table "Use in this period, by meter":
          - rowgroup:
            - row "Meter Of the quota Used Will end at"
        - combobox "By day"
        - figure /Agent runs, runs. by day/:
          - img /30 runs used, of [\\d,.]+ included/
      - region "Cost":
        - heading "Cost" [level=2]
        - button "How does the bill so far come about?"
      - region "Alerts":
        - heading "Alerts" [level=2]
      - region "What is known":
        - heading "What is known" [level=2]
      - region "Stack and hand-off":
        - heading "Stack and hand-off" [level=2]
        - paragraph:
          - link "Brief for the hand-off, to read or print"
    `);
  });
});

const plain = (text: string | null) => (text ?? "").replaceAll(/\s/g, " ").trim();

test.describe("other money", () => {
  test.use({ at: "abroad" });

  const CASES = [
    { locale: "en-US", id: "kaiko", currency: "JPY", fee: "JPY 45,000", unit: "JPY 4.5 per run" },
    {
      locale: "de-DE",
      id: "havel",
      currency: "EUR",
      fee: "1.849,50 EUR",
      unit: "0,03 EUR per run",
    },
  ] as const;
  for (const { locale, id, currency, fee, unit } of CASES) {
    test.describe(`${currency} in ${locale}`, () => {
      test.use({ locale });

      test("is written as those do who pay in it", async ({ page, place }) => {
        if (!place) throw new Error("no server");
        await page.goto("/");
        const prices = page.getByRole("table", {
          name: "Plans, their fees and what each unit costs",
        });
        await expect(prices).toContainText(fee);
        await expect(prices).toContainText(unit);
        await takeOn(place, [{ id, name: id, currency, used: { ingestion: ["612.345678"] } }]);
        await enters(page, place, `/customers/${id}`);
        await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
        const bill = page.getByRole("table", { name: "The bill so far, line by line" });
        const { total } = await ask<{ total: { amount: string } }>(
          place,
          `/billing/usage/${id}/explain`,
        );
        const format = new Intl.NumberFormat(locale, {
          style: "currency",
          currency,
          currencyDisplay: "code",
        });
        expect(Number(total.amount)).toBeGreaterThan(0);
        const row = bill.getByRole("row", { name: /^Total/ });
        const said = plain(await row.getByRole("cell").last().textContent());
        expect(said).toBe(plain(format.format(Number(total.amount))));
        expect(said).toMatch(currency === "JPY" ? /^JPY [\d,]+$/ : /^[\d.]+,\d\d EUR$/);
      });
    });
  }
});
