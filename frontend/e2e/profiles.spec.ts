import { enter } from "./desk";
import { accessible, expect, test } from "./test";

test.use({ expected: /Failed to load resource/ });

test("an installation beside no cluster says so, and that it is no trouble", async ({ page }) => {
  await page.goto("/stacks");
  await enter(page, "billing:read");
  const said = page.getByRole("status").filter({ hasText: "beside no cluster" });
  await expect(said).toContainText("--cluster");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await accessible(page);
  await page.goto("/stacks/dev");
  await enter(page, "billing:read");
  await expect(page.getByRole("status").filter({ hasText: "beside no cluster" })).toBeVisible();
});

test("a token without the right says which is missing", async ({ page }) => {
  await page.goto("/stacks");
  await enter(page, "onboarding:approve");
  await expect(page.getByRole("alert")).toContainText("billing:read");
});
