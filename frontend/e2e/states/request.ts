/** The page of a request, for who holds its receipt. */
import { decide } from "../desk";
import { fill, name, send } from "../form";
import { expect } from "../test";
import { alert, cut, followed, held, type State, said } from "./ways";

const idOf = (follow: string) => follow.slice(follow.lastIndexOf("/") + 1);

export const REQUEST: readonly State[] = [
  {
    is: "asks for the receipt",
    reach: async (page) => {
      await page.goto("/requests/018f0000-0000-7000-8000-000000000000");
      return page.getByLabel("Receipt");
    },
  },
  {
    is: "does not know the receipt",
    reach: async (page) => {
      await page.goto("/requests/018f0000-0000-7000-8000-000000000000");
      await page.getByLabel("Receipt").fill(`receipt_${"A".repeat(43)}`);
      await page.getByRole("button", { name: "Look it up" }).click();
      return page.getByRole("alert").filter({ hasText: "This receipt opens no request here." });
    },
  },
  {
    is: "waits, then is out of reach",
    reach: async (page) => {
      await fill(page, name());
      await send(page);
      await expect(said(page, "Customer success reads it")).toBeVisible();
      await expect(said(page, "Nothing is left for you to do.")).toBeVisible();
      await cut(page, "**/onboarding/*");
      return page.getByRole("alert").filter({ hasText: "Where it is cannot be seen now." });
    },
  },
  {
    is: "is being looked up",
    reach: async (page) => {
      await held(page, "**/onboarding/*");
      await followed(page, name());
      return said(page, "Looking it up.");
    },
  },
  {
    is: "is one that no plan fits",
    reach: async (page) => {
      await followed(page, name(), { support_hours: 1 });
      return said(page, "No plan fits as it is.");
    },
  },
  {
    is: "was turned down",
    reach: async (page) => {
      const follow = await followed(page, name());
      await decide(page.request, idOf(follow), "reject", { reason: "No budget" });
      return said(page, "Nothing was made of it. Ask customer success why");
    },
  },
  {
    is: "was taken back, at the second try",
    reach: async (page) => {
      await followed(page, name());
      await page.getByRole("button", { name: "Take the request back" }).click();
      await cut(page, "**/withdraw");
      await page.getByRole("button", { name: "Yes, take it back" }).click();
      await expect(alert(page, "The server cannot be reached.")).toBeVisible();
      await page.unroute("**/withdraw");
      await page.getByRole("button", { name: "Yes, take it back" }).click();
      return said(page, "You took it back, and nothing was made of it.");
    },
  },
  {
    is: "cannot be taken back now",
    reach: async (page) => {
      await followed(page, name());
      await page.getByRole("button", { name: "Take the request back" }).click();
      await cut(page, "**/withdraw");
      await page.getByRole("button", { name: "Yes, take it back" }).click();
      return alert(page, "The server cannot be reached.");
    },
  },
  {
    is: "was approved where people make tenants",
    at: "byHand",
    reach: async (page, place) => {
      const follow = await followed(page, name());
      await decide(page.request, idOf(follow), "approve", undefined, place);
      await expect(said(page, "Tenant is made by people")).toBeVisible();
      return said(page, "Whoever runs this installation makes the tenant");
    },
  },
  {
    is: "was approved, and its tenant is made",
    reach: async (page) => {
      const follow = await followed(page, name());
      await decide(page.request, idOf(follow), "approve");
      return said(page, /^The tenant .* exists, and its stack is coming up/);
    },
  },
];
