/** Requests, and deciding about them. */
import type { Page } from "@playwright/test";
import { asked, decide } from "../desk";
import { name } from "../form";
import { type Place, token } from "../server";
import { expect } from "../test";
import { alert, cut, enters, HERE, hasten, held, type State, said, submitted } from "./ways";

/** One step before approving. */
async function approving(page: Page, tenant: string): Promise<void> {
  const id = await asked(page.request, tenant);
  await enters(page, HERE, `/approvals/${id}`);
  await page.getByRole("button", { name: "Approve", exact: true }).click();
}

export const APPROVALS: readonly State[] = [
  {
    is: "has nobody who waits",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals");
      return said(page, "Nobody waits for a decision.");
    },
  },
  {
    is: "is on its way",
    at: "empty",
    reach: async (page, place) => {
      await held(page, "**/onboarding?**");
      await enters(page, place, "/approvals");
      return said(page, "The requests are on their way.");
    },
  },
  {
    is: "is out of reach",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/onboarding?**");
      await enters(page, place, "/approvals");
      return page.getByRole("alert").filter({ hasText: "The server cannot be reached" });
    },
  },
  {
    is: "misses a scope",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals", "billing:read");
      return page.getByRole("alert").filter({ hasText: "onboarding:approve" });
    },
  },
  {
    is: "has who waits, and one of them",
    reach: async (page) => {
      const tenant = name();
      const id = await asked(page.request, tenant);
      await enters(page, HERE, "/approvals");
      await expect(page.getByRole("row").filter({ hasText: tenant })).toBeVisible();
      await page.goto(`/approvals/${id}`);
      await page.getByRole("button", { name: "Turn down" }).click();
      return page.getByRole("textbox", { name: "Reason" });
    },
  },
  {
    is: "has one that was decided",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await decide(page.request, id, "reject", { reason: "No budget this year" });
      await enters(page, HERE, `/approvals/${id}?show=rejected`);
      return said(page, "No budget this year");
    },
  },
  {
    is: "has no such request",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/approvals/018f0000-0000-7000-8000-000000000000");
      return page.getByRole("alert").filter({ hasText: "There is no such request" });
    },
  },
  {
    is: "has a list that is not renewed",
    at: "empty",
    reach: async (page, place) => {
      const after = await hasten(page);
      await enters(page, place, "/approvals");
      await expect(said(page, "Nobody waits for a decision.")).toBeVisible();
      await cut(page, "**/onboarding?**");
      await after(16_000);
      return alert(page, "This list may be old.");
    },
  },
  ...["approved", "rejected", "withdrawn", "all"].map((show) => ({
    is: `has nobody: ${show}`,
    at: "empty" as const,
    reach: async (page: Page, place: Place) => {
      await enters(page, place, `/approvals?show=${show}`);
      return page.getByRole("status").filter({ hasText: /^Nobody/ });
    },
  })),
  {
    is: "has one that is on its way",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await held(page, `**/onboarding/${id}`);
      await enters(page, HERE, `/approvals/${id}`);
      return said(page, "The request is on its way.");
    },
  },
  {
    is: "has one that is out of reach",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await cut(page, `**/onboarding/${id}`);
      await enters(page, HERE, `/approvals/${id}`);
      return alert(page, "The request is not here.");
    },
  },
  {
    is: "has one that is not renewed",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await enters(page, HERE, `/approvals/${id}`);
      await expect(page.getByRole("button", { name: "Turn down" })).toBeVisible();
      await cut(page, `**/onboarding/${id}`);
      return alert(page, "This may be old.");
    },
  },
  {
    is: "has one that no plan fits",
    reach: async (page) => {
      const id = await asked(page.request, name(), { support_hours: 1, success_criteria: [] });
      await enters(page, HERE, `/approvals/${id}`);
      await expect(said(page, "They gave no signs of success.")).toBeVisible();
      return said(page, "No plan fits, so there is nothing to approve.");
    },
  },
  {
    is: "asks whether to approve",
    reach: async (page) => {
      const tenant = name();
      await approving(page, tenant);
      return page.getByRole("button", { name: `Yes, approve ${tenant}` });
    },
  },
  {
    is: "says that a name is taken",
    reach: async (page) => {
      const tenant = name();
      await decide(page.request, await asked(page.request, tenant), "approve");
      await approving(page, tenant);
      await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
      return alert(page, "Nothing was approved: the name is taken.");
    },
  },
  {
    is: "was decided by somebody else meanwhile",
    reach: async (page) => {
      const id = await asked(page.request, name());
      await enters(page, HERE, `/approvals/${id}`);
      await page.getByRole("button", { name: "Approve", exact: true }).click();
      await decide(page.request, id, "reject", { reason: "Another reason" });
      return page.getByRole("status").filter({ hasText: "Somebody decided before you." });
    },
  },
  {
    is: "was taken back meanwhile",
    reach: async (page) => {
      const { follow, id, receipt } = await submitted(page, name());
      await enters(page, HERE, `/approvals/${id}`);
      await page.getByRole("button", { name: "Turn down" }).click();
      await page.getByRole("button", { name: "Turn the request down" }).click();
      await expect(alert(page, "Say why")).toBeVisible();
      const headers = { authorization: `Bearer ${receipt}` };
      const taken = await page.request.post(`${follow}/withdraw`, { headers });
      expect(taken.status(), await taken.text()).toBe(200);
      await expect(said(page, "Taken back by whoever sent it.")).toBeVisible();
      return page.getByRole("status").filter({ hasText: "Whoever sent it took it back." });
    },
  },
  {
    is: "does not know whether a decision arrived",
    reach: async (page) => {
      const tenant = name();
      await cut(page, "**/approve");
      await approving(page, tenant);
      await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
      return alert(page, "It is not known whether your decision arrived.");
    },
  },
  {
    is: "is not decided by who may not",
    reach: async (page) => {
      const tenant = name();
      // As where a right is taken away while somebody reads.
      const other = { authorization: `Bearer ${token("billing:read")}` };
      await page.route("**/approve", (route) =>
        route.continue({ headers: { ...route.request().headers(), ...other } }),
      );
      await approving(page, tenant);
      await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
      await expect(said(page, "When you ask for help, name the request")).toBeVisible();
      return alert(page, "Nothing was decided.");
    },
  },
  {
    is: "has one that was approved",
    reach: async (page) => {
      const tenant = name();
      await approving(page, tenant);
      await page.getByRole("button", { name: `Yes, approve ${tenant}` }).click();
      return page.getByRole("region", { name: "Decision" }).getByText("Tenant made");
    },
  },
];
