/** Signing in, whom to call, and everyone. */
import { enter } from "../staff";
import { expect } from "../test";
import { alert, cut, enters, hasten, held, type State, said } from "./ways";

const SIGNED_OUT: State = {
  is: "asks who it is",
  reach: async (page) => {
    await page.goto("/customers");
    return said(page, "These pages are for those who look after customers.");
  },
};

export const CUSTOMERS: readonly State[] = [
  SIGNED_OUT,
  {
    is: "no longer takes the token",
    reach: async (page) => {
      await page.goto("/customers");
      await enter(page, "old.token.here");
      return page.getByRole("alert").filter({ hasText: "The server no longer takes that token" });
    },
  },
  {
    is: "misses a scope or role",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers", "billing:read", "Visitor");
      await expect(said(page, "The list of everyone needs the same")).toBeVisible();
      return page.getByRole("alert").filter({ hasText: "Your token does not reach this." });
    },
  },
  {
    is: "is on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage**");
      await enters(page, place, "/customers");
      return said(page, "The list is on its way.");
    },
  },
  {
    is: "is a part that is on its way",
    at: "empty",
    reach: async (page, place) => {
      await held(page, "**/assets/CustomerHealth*.js");
      await enters(page, place, "/customers");
      return said(page, "The page is on its way.");
    },
  },
  {
    is: "is a part that an upgrade took away",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/assets/CustomerHealth*.js");
      await enters(page, place, "/customers");
      await expect(page.getByRole("button", { name: "Load it anew" })).toBeVisible();
      return page.getByRole("alert").filter({ hasText: "This page could not be shown" });
    },
  },
  {
    is: "has nobody",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(said(page, "There is no customer yet.")).toBeVisible();
      return said(page, "Nobody needs a call now.");
    },
  },
  {
    is: "has whom to call and everyone",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
      return page.getByRole("region", { name: "Whom to call" }).getByRole("listitem").first();
    },
  },
  {
    is: "has nobody like that",
    at: "inhabited",
    reach: async (page, place) => {
      await enters(page, place, "/customers?plan=none&flagged=true");
      return said(page, "No customer is as these filters say.");
    },
  },
  {
    is: "is there in part",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, "**/billing/usage?**");
      await enters(page, place, "/customers");
      await expect(
        page.getByRole("region", { name: "Whom to call" }).getByRole("listitem").first(),
      ).toBeVisible();
      return page.getByRole("alert").filter({ hasText: "The list is not here." });
    },
  },
  {
    is: "is past its time",
    at: "late",
    reach: async (page, place) => {
      await enters(page, place, "/customers");
      const list = page.getByRole("region", { name: "Everyone" });
      const late = list.getByText(/past the time until which to act on them/);
      await expect(async () => {
        await list.getByRole("button", { name: "Look again" }).click();
        await expect(late).toBeVisible({ timeout: 2_000 });
      }).toPass({ timeout: 300_000, intervals: [100] });
      return late;
    },
  },
  {
    is: "is there past its time, in a page that stood open",
    at: "inhabited",
    reach: async (page, place) => {
      const after = await hasten(page);
      await enters(page, place, "/customers");
      const list = page.getByRole("region", { name: "Everyone" });
      await expect(list.getByText(/^\d+ customers\. Figures as of/)).toBeVisible();
      // An answer that says what time it is there would say that this clock is wrong.
      await cut(page, "**/billing/usage/triage?**");
      await after(3_600_000);
      return list.getByText(
        /have passed the time until which to act on them since they were looked up/,
      );
    },
  },
  {
    is: "is right about its time by a clock that is wrong",
    at: "inhabited",
    reach: async (page, place) => {
      await page.clock.install({ time: Date.now() + 86_400_000 });
      await enters(page, place, "/customers");
      const list = page.getByRole("region", { name: "Everyone" });
      const said = list.getByText(/^\d+ customers\. Figures as of/);
      await expect(said).toBeVisible();
      await expect(list).not.toContainText("the time until which to act on them");
      return said;
    },
  },
  {
    is: "has what cannot be a token",
    reach: async (page) => {
      await page.goto("/customers");
      await page.getByText("Where does a token come from?").click();
      await enter(page, "two words");
      return alert(page, "A token is one word");
    },
  },
  {
    is: "has whom to call on its way",
    at: "inhabited",
    reach: async (page, place) => {
      await held(page, "**/billing/usage/triage?**");
      await enters(page, place, "/customers");
      await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
      return said(page, "The calls are on their way.");
    },
  },
  {
    is: "does not have whom to call",
    at: "inhabited",
    reach: async (page, place) => {
      await cut(page, "**/billing/usage/triage?**");
      await enters(page, place, "/customers");
      return alert(page, "The calls are not here.");
    },
  },
  {
    is: "does not renew whom to call",
    at: "inhabited",
    reach: async (page, place) => {
      const after = await hasten(page);
      await enters(page, place, "/customers");
      await expect(page.getByRole("table", { name: "All customers" })).toBeVisible();
      await expect(said(page, "Helps most:")).toBeVisible();
      await cut(page, "**/billing/usage/triage?**");
      await after(61_000);
      return alert(page, "This list may be old.");
    },
  },
];
