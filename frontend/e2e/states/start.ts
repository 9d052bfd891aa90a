/** The form, and the price list before it. */
import { empty } from "../../src/onboarding/draft";
import { fragment } from "../../src/onboarding/link";
import { fill, go, name } from "../form";
import { expect } from "../test";
import { alert, cut, held, type State, said } from "./ways";

const step = (key: string, title: string): State => ({
  is: `asks: ${key}`,
  reach: async (page) => {
    await fill(page, name());
    await page.goto(`/start/${key}`);
    const answer = page.getByRole("complementary", { name: "The answer so far" });
    await expect(answer).toContainText("starter");
    return page.getByRole("heading", { level: 1, name: title });
  },
});

export const START: readonly State[] = [
  step("you", "Who is it for?"),
  step("work", "What will it do, and how much?"),
  step("savings", "What does it save?"),
  step("success", "How will you know that it works?"),
  step("begin", "When does it begin?"),
  step("review", "Read it once more"),
  {
    is: "misses something",
    reach: async (page) => {
      await page.goto("/start/review");
      await page.getByRole("button", { name: "Send the request" }).click();
      return page.getByRole("alert").filter({ hasText: "Mail address" });
    },
  },
  {
    is: "has no answer",
    reach: async (page) => {
      await cut(page, "**/recommendation");
      await page.goto("/start/work");
      return said(page, "The answer is not up to date.");
    },
  },
  {
    is: "is no step",
    reach: async (page) => {
      await page.goto("/start/nowhere");
      return page.getByRole("heading", { name: "There is no such page" });
    },
  },
  {
    is: "was opened by a link",
    reach: async (page) => {
      await page.goto(`/start/savings${fragment(empty("UTC"))}`);
      return said(page, "The assumptions of the link are in the form.");
    },
  },
  {
    is: "waits for the answer",
    reach: async (page) => {
      await held(page, "**/recommendation");
      await page.goto("/start/work");
      return page.getByText("The answer comes as you type.");
    },
  },
  {
    is: "asks whether to empty it",
    reach: async (page) => {
      await page.goto("/start/success");
      await page.getByRole("button", { name: "Add a sign" }).click();
      await page.getByRole("button", { name: "Empty the form" }).click();
      return page.getByRole("button", { name: "Empty it, everything is lost" });
    },
  },
  {
    is: "has no plan that fits",
    reach: async (page) => {
      await page.goto("/start/savings");
      await page.getByLabel("Currency").fill("EUR");
      return page.getByRole("complementary", { name: "The answer so far" }).getByText("None fits");
    },
  },
  {
    is: "is refused by the server, field by field",
    reach: async (page) => {
      await fill(page, name());
      await go(page, "You", "Who is it for?");
      await page.getByLabel("Mail address").fill("nobody");
      await go(page, "Review", "Read it once more");
      await page.getByRole("button", { name: "Send the request" }).click();
      await expect(alert(page, "must be a mail address")).toBeVisible();
      return alert(page, "One thing is not right yet");
    },
  },
  {
    is: "is not sent",
    reach: async (page) => {
      await fill(page, name());
      // As a proxy may: what is no form to the server has no field that could be wrong.
      const other = { "content-type": "text/plain" };
      await page.route("**/onboarding", (route) =>
        route.continue({ headers: { ...route.request().headers(), ...other } }),
      );
      await page.getByRole("button", { name: "Send the request" }).click();
      return alert(page, "The request was not sent.");
    },
  },
  {
    is: "was sent without an answer",
    reach: async (page) => {
      await fill(page, name());
      await cut(page, "**/onboarding");
      await page.getByRole("button", { name: "Send the request" }).click();
      return alert(page, "It is not known whether the request arrived.");
    },
  },
];

export const PLANS: readonly State[] = [
  {
    is: "has prices",
    reach: async (page) => {
      await page.goto("/");
      return page.getByRole("table");
    },
  },
  {
    is: "is on its way",
    reach: async (page) => {
      await held(page, "**/billing/plans");
      await page.goto("/");
      return said(page, "The price list is on its way.");
    },
  },
  {
    is: "is out of reach",
    reach: async (page) => {
      await cut(page, "**/billing/plans");
      await page.goto("/");
      return page.getByRole("alert").filter({ hasText: "The server cannot be reached." });
    },
  },
  {
    is: "has nothing to sell",
    at: "drafts",
    reach: async (page) => {
      await page.goto("/");
      return said(page, "Nothing is on sale now.");
    },
  },
];
