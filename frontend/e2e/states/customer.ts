/** One customer, and their brief. */
import { used } from "../customers";
import { decide } from "../desk";
import { name } from "../form";
import { expect } from "../test";
import { alert, cut, enters, hasten, held, led, type State, said, submitted } from "./ways";

/** What the page of one customer asks for beside the customer. */
const PARTS = ["timeline?**", "alerts?**", "explain"].map((part) => `**/billing/usage/*/${part}`);
const REST = ["**/accounts/*/stacks", "**/onboarding/*"];

export const CUSTOMER: readonly State[] = [
  {
    is: "of one is on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage/acme");
      await enters(page, place, "/customers/acme");
      return said(page, "The customer’s figures are on their way.");
    },
  },
  {
    is: "of one has a projection and what it will cost",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/acme");
      await expect(page.getByRole("region", { name: "Cost" })).toContainText("With 80% between");
      const chart = page.getByRole("img", { name: /projected to end at .*, with 80% between/ });
      await expect(chart).toBeVisible();
      for (const part of await page.locator("main details:visible > summary").all()) {
        await part.click();
      }
      await expect(said(page, "Nothing holds it down beyond that.")).toBeVisible();
      // What is projected says what it is made of, and as of which row.
      const ends = page.getByRole("table", { name: "What the ends are made of" });
      await expect(ends.getByRole("row", { name: /^Data taken in/ })).toContainText(/\d/);
      const bills = page.getByRole("table", { name: "What the period will cost, by where" });
      const mean = page.getByRole("region", { name: "Cost" }).getByRole("definition").first();
      await expect(
        bills
          .getByRole("row", { name: /^As expected/ })
          .getByRole("cell")
          .last(),
      ).toHaveText((await mean.textContent()) ?? "none");
      return chart;
    },
  },
  {
    is: "of one to call",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex");
      await expect(said(page, "It is too early in the period to say")).toBeVisible();
      await expect(said(page, "No mark of any quota was reached.")).toBeVisible();
      return said(page, "Call.");
    },
  },
  {
    is: "of one with marks reached, a long name and a bill",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/initech");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      return page.getByRole("table", { name: "The bill so far, line by line" });
    },
  },
  {
    is: "of one of whom little is known, from right to left",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/umbrella");
      return said(page, "Too little is known to say how well this customer does.");
    },
  },
  {
    is: "of one whose stack the token does not reach",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex", "billing:read");
      return page.getByRole("alert").filter({ hasText: "onboarding:approve" });
    },
  },
  {
    is: "of nobody",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers/nobody");
      return page.getByRole("alert").filter({ hasText: "There is no customer nobody" });
    },
  },
  {
    is: "of one whose tenant people make",
    at: "byHand",
    reach: async (page, place) => {
      const tenant = name();
      const { id } = await submitted(page, tenant);
      await decide(page.request, id, "approve", undefined, place);
      await enters(page, place, `/customers/${tenant}`);
      // A server sums up who is new after a moment.
      await expect(async () => {
        await page.reload();
        await expect(said(page, "Its tenant is made by people.")).toBeVisible({ timeout: 10_000 });
      }).toPass({ timeout: 300_000 });
      return said(page, "Its tenant is made by people.");
    },
  },
  {
    is: "of one to hand on",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/globex/brief");
      return page.getByRole("region", { name: "What it is for" });
    },
  },
  {
    is: "of one has no such part",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(said(page, "Nobody needs a call now.")).toBeVisible();
      await led(page, "/customers/acme/nothing");
      return page.getByRole("heading", { name: "There is no such page" });
    },
  },
  {
    is: "of one whose parts are on their way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, ...PARTS, ...REST);
      await enters(page, place, "/customers/globex");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      for (const what of [
        "Use by day is on its way.",
        "The alerts are on their way.",
        "What runs is being looked up.",
        "The request is being looked up.",
      ]) {
        await expect(said(page, what)).toBeVisible();
      }
      return said(page, "The bill is on its way.");
    },
  },
  {
    is: "of one whose parts are out of reach",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, ...PARTS, ...REST);
      await enters(page, place, "/customers/globex");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      for (const what of [
        "Use by day is not here.",
        "The alerts are not here.",
        "What runs is not here.",
        "The request is not here.",
      ]) {
        await expect(alert(page, what)).toBeVisible();
      }
      return alert(page, "The bill is not here.");
    },
  },
  {
    is: "of one nothing of whom is renewed",
    at: "inhabited",
    reach: async (page, place) => {
      const after = await hasten(page);
      await enters(page, place, "/customers/globex");
      await expect(said(page, "Came by the request of")).toBeVisible();
      await expect(said(page, "This server is not beside its cluster")).toBeVisible();
      await cut(page, "**/billing/usage/globex", ...PARTS, ...REST);
      await after(61_000);
      for (const what of [
        "What runs is not looked at anew.",
        "This list may be old.",
        "This may be old.",
      ]) {
        await expect(alert(page, what)).toBeVisible();
      }
      return alert(page, "These figures are not renewed.");
    },
  },
  {
    is: "of one whose use and bill are not renewed, though the rest is",
    at: "inhabited",
    reach: async (page, place) => {
      const after = await hasten(page);
      await enters(page, place, "/customers/globex");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      await expect(
        page.getByRole("table", { name: "The bill so far, line by line" }),
      ).toBeVisible();
      const use = page.getByRole("region", { name: "Use" });
      await expect(use.getByRole("img")).toBeVisible();
      await cut(page, "**/billing/usage/*/timeline?**", "**/billing/usage/*/explain");
      // Another row of the ledger: their figures are counted anew, and what is drawn of them is asked for again.
      const time = new Date().toISOString();
      await used(place, "globex", "query", [{ time, quantity: "1" }], { id: time });
      await expect(async () => {
        await after(61_000);
        await expect(alert(page, "This may be old.")).toHaveCount(2, { timeout: 5_000 });
      }).toPass({ timeout: 300_000 });
      await expect(
        page.getByRole("table", { name: "The bill so far, line by line" }),
      ).toBeVisible();
      await expect(use.getByRole("img")).toBeVisible();
      return use.getByRole("alert").filter({ hasText: "This may be old." });
    },
  },
  {
    is: "of one who is out of reach",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, "**/billing/usage/acme");
      await enters(page, place, "/customers/acme");
      return alert(page, "The customer is not here.");
    },
  },
  {
    is: "of one the rows of whose bill are on their way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage/*/events?**");
      await enters(page, place, "/customers/initech");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      await page.getByRole("button", { name: "Its 1 row of Data taken in" }).click();
      return said(page, "Its rows are on their way.");
    },
  },
  {
    is: "of one the rows of whose bill are there",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/initech");
      await page.getByRole("button", { name: "How does the bill so far come about?" }).click();
      await page.getByText("By which rules?").click();
      await page.getByRole("button", { name: "Its 1 row of Data taken in" }).click();
      return said(page, "from ");
    },
  },
  {
    is: "has a brief that is on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/onboarding/*/brief");
      await enters(page, place, "/customers/globex/brief");
      return said(page, "The brief is on its way.");
    },
  },
  {
    is: "has a brief that is out of reach",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, "**/onboarding/*/brief");
      await enters(page, place, "/customers/globex/brief");
      return alert(page, "The brief is not here.");
    },
  },
  {
    is: "has nothing to brief from",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers/acme/brief");
      return said(page, "There is no request to brief from");
    },
  },
];
