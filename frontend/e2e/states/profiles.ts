/** Profiles where the server is beside no cluster, or out of reach. Beside one: `fleet.spec.ts`. */
import type { Page } from "@playwright/test";
import type { Place } from "../server";
import { alert, cut, enters, held, type State, said } from "./ways";

const NO_CLUSTER: readonly State[] = ["/stacks", "/stacks/dev", "/stacks/nobody"].map((path) => ({
  is: `is beside no cluster: ${path}`,
  at: "empty" as const,
  reach: async (page: Page, place: Place) => {
    await enters(page, place, path);
    return page.getByRole("status").filter({ hasText: "This installation is beside no cluster." });
  },
}));

export const PROFILES: readonly State[] = [
  ...NO_CLUSTER,
  {
    is: "misses a scope",
    at: "empty",
    reach: async (page, place) => {
      await enters(page, place, "/stacks", "onboarding:approve");
      return page.getByRole("alert").filter({ hasText: "billing:read" });
    },
  },
  {
    is: "is on its way",
    at: "empty",
    reach: async (page, place) => {
      await held(page, "**/profiles");
      await enters(page, place, "/stacks");
      return said(page, "The profiles are on their way.");
    },
  },
  {
    is: "is out of reach",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/profiles");
      await enters(page, place, "/stacks");
      return alert(page, "The profiles are not here.");
    },
  },
  {
    is: "has one that is on its way",
    at: "empty",
    reach: async (page, place) => {
      await held(page, "**/profiles", "**/profiles/**");
      await enters(page, place, "/stacks/dev");
      return said(page, "The revisions are on their way.");
    },
  },
  {
    is: "has one that is out of reach",
    at: "empty",
    reach: async (page, place) => {
      await cut(page, "**/profiles", "**/profiles/**");
      await enters(page, place, "/stacks/dev");
      return alert(page, "The revisions are not here.");
    },
  },
];
