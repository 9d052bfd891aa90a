import type { Locator, Page } from "@playwright/test";
import { asked, decide, enter } from "./desk";
import { type Fleet, test } from "./fleet";
import { fill, go, send } from "./form";
import { inert, PAYLOAD } from "./inert";
import { token } from "./server";
import * as staff from "./staff";
import { swept } from "./sweep";
import { expect } from "./test";

/** Scopes of somebody who does all of it. */
const SCOPES = "onboarding:approve billing:read";

// One control plane for all of them, and one after the other: each goes on where the last one ended.
test.describe.configure({ mode: "serial" });

test("a cluster without profiles says so, and where they come from", async ({ page, fleet }) => {
  await page.goto("/stacks");
  await enter(page, SCOPES);
  await expect(page.getByText("The cluster has no profiles yet.")).toBeVisible();
  await swept(page);
  fleet.profile();
  await expect(page.getByRole("region", { name: "dev" })).toContainText("No tenant follows it.");
  await swept(page);
});

test.describe("what is not there", () => {
  test.use({ expected: /Failed to load resource.*404/ });

  test("of profiles is said", async ({ page }) => {
    await page.goto("/stacks/nobody");
    await enter(page, SCOPES);
    await expect(page.getByRole("alert")).toContainText("There is no profile of this name");
    await swept(page);
  });
});

test("a form is approved, and followed until its stack is ready", async ({ page, browser }) => {
  await fill(page, "initech");
  await go(page, "The work", "What will it do, and how much?");
  await page.getByRole("radio", { name: "To try it" }).check();
  await go(page, "Review", "Read it once more");
  await send(page);
  const context = await browser.newContext({ baseURL: new URL(page.url()).origin });
  const desk = await context.newPage();
  await desk.goto("/approvals");
  await enter(desk, SCOPES);
  await desk.getByRole("row").filter({ hasText: "initech" }).getByRole("link").click();
  await expect(desk.getByRole("region", { name: "What fits" })).toContainText("Profile dev");
  await desk.getByRole("button", { name: "Approve", exact: true }).click();
  await desk.getByRole("button", { name: "Yes, approve initech" }).click();
  const decision = desk.getByRole("region", { name: "Decision" });
  await expect(decision).toContainText("Approved");
  // Both see the same, until all of it runs.
  await expect(decision).toContainText("Stack ready");
  await expect(page.getByText("Stack ready")).toBeVisible();
  await expect(page.getByText("All of initech runs.")).toBeVisible();
  await swept(page);
  await swept(desk);
  await context.close();
});

/** Changes the profile, as who runs the cluster does. */
function patch(fleet: Fleet, change: readonly object[]): void {
  fleet.kubectl("patch", "dprof", "dev", "--type=json", "-p", JSON.stringify(change));
}

/** The stack on a customer's page, for who is signed in over reloads. */
async function stackOf(page: Page, account: string): Promise<Locator> {
  await page.goto(`/customers/${account}`);
  await staff.enter(page, token(SCOPES), true);
  return page.getByRole("region", { name: "Stack and hand-off" });
}

/** Until the page says so: looked at anew, rather than when the page next does by itself. */
async function comes(page: Page, stack: Locator, said: string): Promise<void> {
  await expect(async () => {
    await page.reload();
    await expect(stack).toContainText(said, { timeout: 20_000 });
  }).toPass({ timeout: 300_000 });
}

/** The tenant on which a rollout failed, and its account. */
async function failed(fleet: Fleet): Promise<{ tenant: string; account: string }> {
  const headers = { authorization: `Bearer ${token(SCOPES)}` };
  const path = "/profiles/dev/tenants?filter[stage][eq]=failed";
  const answer = await fetch(fleet.url + path, { headers });
  const { data } = (await answer.json()) as { data: { tenant: string; account: string }[] };
  expect(data).toHaveLength(1);
  return { tenant: data[0]?.tenant ?? "", account: data[0]?.account ?? "" };
}

test("a customer's page says part by part what of its stack runs", async ({ page, fleet }) => {
  const stack = await stackOf(page, "initech");
  await expect(stack).toContainText("initech: All of it runs.");
  await expect(stack).toContainText("Runs dev@1.");
  await expect(stack).toContainText("Its tenant was made on");
  const parts = stack.getByRole("table", { name: "What initech is made of" });
  const core = parts.getByRole("row").filter({ hasText: /^core/ });
  await expect(core).toContainText("Runs");
  await expect(parts).not.toContainText("Does not run yet");
  await swept(page);
  const pods = fleet.kubectl("get", "pods", "-n", "tenant-initech", "-o", "name").trim();
  const pod = pods.split("\n").find((one) => one.startsWith("pod/core-")) ?? "";
  const annotate = (what: string) =>
    fleet.kubectl("annotate", "-n", "tenant-initech", pod, `ground.tenantry.dev/fail${what}`);
  annotate("=probe");
  await comes(page, stack, "initech: Not all of it runs yet.");
  await expect(core).toContainText("Does not run yet");
  await expect(stack).toContainText("The operator says:");
  await swept(page);
  annotate("-");
  await comes(page, stack, "initech: All of it runs.");
});

test("profiles say who runs what, and how far a change is", async ({ page, fleet }) => {
  await page.goto("/stacks");
  await enter(page, SCOPES);
  await expect(page.getByRole("heading", { level: 1, name: "Profiles" })).toBeFocused();
  const dev = page.getByRole("region", { name: "dev" });
  await expect(dev).toContainText("Revision 1 has reached everybody: 1 of 1 tenant there.");
  await swept(page);
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - heading "Profiles" [level=1]
    - region "dev":
      - heading "dev" [level=2]:
        - link "dev"
      - list:
        - listitem:
          - link "1 there"
  `);
  await dev.getByRole("link", { name: "dev", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "dev" })).toBeFocused();
  const runs = page.getByRole("table", { name: "Tenants of dev" });
  await expect(runs.getByRole("row").filter({ hasText: "initech" })).toContainText("dev@1");
  await expect(page.getByRole("main")).toMatchAriaSnapshot(`
    - paragraph:
      - link "All profiles"
    - heading "dev" [level=1]
    - region "Revisions":
      - heading "Revisions" [level=2]
      - table "Revisions of dev":
        - rowgroup:
          - row "Revision Made Runs Services"
    - region "Who runs what":
      - heading "Who runs what" [level=2]
      - combobox "Runs revision"
      - combobox "On its way"
      - table "Tenants of dev":
        - rowgroup:
          - row "Tenant Runs Is Why"
  `);
  await swept(page);
  const image = "tenantry.dev/sample:0.2.0";
  patch(fleet, [{ op: "replace", path: "/spec/services/0/image", value: image }]);
  await expect(
    page.getByText("Revision 2 has reached everybody: 1 of 1 tenant there."),
  ).toBeVisible();
  await expect(runs.getByRole("row").filter({ hasText: "initech" })).toContainText("dev@2");
  const revisions = page.getByRole("table", { name: "Revisions of dev" });
  await expect(revisions.getByRole("row", { name: /^2/ })).toContainText("on 1 tenant");
  await expect(revisions.getByRole("row", { name: /^2/ })).toContainText(image);
  await expect(revisions.getByRole("row", { name: /^1/ })).toContainText("on none");
  await page.getByLabel("Runs revision").selectOption("1");
  await expect(page).toHaveURL("/stacks/dev?revision=1");
  await expect(page.getByText("No tenant of this profile is there.")).toBeVisible();
  await swept(page);
});

test("a rollout that goes wrong halts, and says on whom and why", async ({ page, fleet }) => {
  await page.goto("/stacks/dev");
  await enter(page, SCOPES);
  // Somebody who waits: with nobody left to start there is nothing to halt.
  fleet.apply({
    apiVersion: "tenantry.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name: "globex" },
    // What the cluster says is as little to be trusted as what a form does.
    spec: { displayName: PAYLOAD, profileRef: { name: "dev" } },
  });
  await expect(
    page.getByText("Revision 2 has reached everybody: 2 of 2 tenants there."),
  ).toBeVisible({ timeout: 300_000 });
  await expect(
    page.getByRole("table", { name: "Tenants of dev" }).getByText(PAYLOAD),
  ).toBeVisible();
  await inert(page);
  patch(fleet, [
    { op: "add", path: "/spec/rollout", value: { paused: true } },
    { op: "replace", path: "/spec/services/0/image", value: "tenantry.dev/sample:0.3.0" },
  ]);
  await expect(
    page.getByText("The rollout of revision 3 is paused: 0 of 2 tenants there, 2 waiting."),
  ).toBeVisible({ timeout: 300_000 });
  await expect(page.getByText("It goes on when spec.rollout.paused is false.")).toBeVisible();
  await swept(page);
  patch(fleet, [{ op: "replace", path: "/spec/rollout/paused", value: false }]);
  await expect(
    page.getByText("Revision 3 has reached everybody: 2 of 2 tenants there."),
  ).toBeVisible({ timeout: 300_000 });
  patch(fleet, [
    { op: "add", path: "/spec/rollout", value: { maxInFlight: 1, haltAfterFailures: 1 } },
    // What the simulated nodes take for a container that ends again and again.
    { op: "replace", path: "/spec/services/0/image", value: "tenantry.dev/fail/crash:1" },
  ]);
  await expect(page.getByText(/The rollout of revision 4 has halted/)).toBeVisible({
    timeout: 300_000,
  });
  await expect(page.getByText(/The operator says: .*1 failed: /)).toBeVisible();
  await swept(page);
  await page.getByRole("link", { name: "1 failed" }).click();
  const row = page.getByRole("table", { name: "Tenants of dev" }).getByRole("row").nth(1);
  await expect(row).toContainText("dev@3 to dev@4");
  await expect(row).toContainText("CrashLoopBackOff");
  await swept(page);
  // The same on the page of whose stack it is.
  const { tenant, account } = await failed(fleet);
  const stack = await stackOf(page, account);
  await expect(stack).toContainText(`${tenant}: It fails, and does not get well by itself.`);
  await expect(stack).toContainText("Runs dev@3, on its way to dev@4.");
  const parts = stack.getByRole("table", { name: `What ${tenant} is made of` });
  const core = parts.getByRole("row").filter({ hasText: /^core/ });
  await expect(core).toContainText("Does not run yet");
  await expect(core).toContainText("CrashLoopBackOff");
  await swept(page);
});

test("a cluster that is silent is said, and a name that somebody took meanwhile", async ({
  page,
  request,
  fleet,
}) => {
  // As it was before it went wrong: who comes now gets what runs.
  patch(fleet, [
    { op: "replace", path: "/spec/services/0/image", value: "tenantry.dev/sample:0.3.0" },
  ]);
  const stack = await stackOf(page, "initech");
  await expect(stack).toContainText("As of");
  fleet.reached(false);
  await comes(page, stack, "The cluster does not answer.");
  await expect(stack.getByRole("table", { name: "What initech is made of" })).toBeVisible();
  await swept(page);
  await page.goto("/stacks");
  await expect(page.getByRole("alert")).toContainText("The cluster does not answer.");
  await expect(page.getByRole("region", { name: "dev" })).toBeVisible();
  await swept(page);
  const id = await asked(request, "umbrella", {
    purpose: "evaluation",
    voice_minutes: 0,
    support_hours: 24,
  });
  await decide(request, id, "approve");
  fleet.apply({
    apiVersion: "tenantry.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name: "umbrella" },
    // What it leaves would keep the name from the next.
    spec: { displayName: "Umbrella", profileRef: { name: "dev" }, deletionPolicy: "Delete" },
  });
  await page.goto("/customers/umbrella");
  await expect(stack).toContainText("Its tenant waits to be made.");
  fleet.reached(true);
  await comes(page, stack, "Another tenant has this name.");
  // For a moment, that the cluster did not answer is said beside it.
  const taken = stack.getByRole("alert").filter({ hasText: "Another tenant has this name." });
  await expect(taken).toContainText("renames or removes that tenant");
  // That one is somebody else's.
  await expect(stack).toContainText("Nothing of this customer is in the cluster.");
  await swept(page);
  // Who decided about it waits until that one is gone, and need not load the page anew.
  await page.goto(`/approvals/${id}`);
  const decision = page.getByRole("region", { name: "Decision" });
  await expect(decision).toContainText("Another tenant has this name.");
  await expect(decision).toContainText("Tenant is being made");
  fleet.kubectl("delete", "tenant", "umbrella", "--wait=false");
  await expect(decision).toContainText("Stack ready", { timeout: 300_000 });
});

test("who keeps to a revision, a profile that is gone, and a tenant that was removed", async ({
  page,
  request,
  fleet,
}) => {
  fleet.apply({
    apiVersion: "tenantry.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name: "globex" },
    spec: { displayName: PAYLOAD, profileRef: { name: "dev", revision: 3 } },
  });
  await page.goto("/stacks/dev");
  await enter(page, SCOPES);
  const runs = page.getByRole("table", { name: "Tenants of dev" });
  const globex = runs.getByRole("row").filter({ hasText: PAYLOAD });
  await expect(globex).toContainText("keeps to 3 by its own wish", { timeout: 300_000 });
  const revisions = page.getByRole("table", { name: "Revisions of dev" });
  await expect(revisions.getByRole("row", { name: /^3/ })).toContainText(
    "1 keeps to it by its own wish",
  );
  await swept(page);
  fleet.kubectl("delete", "dprof", "dev", "--wait=false");
  await expect(
    page.getByText(/^This profile is gone\. Its \d tenants stay as they are/),
  ).toBeVisible({ timeout: 300_000 });
  await expect(globex).toBeVisible();
  await swept(page);
  fleet.kubectl("delete", "tenant", "initech", "--wait=false");
  const stack = await stackOf(page, "initech");
  await comes(page, stack, "Its tenant was removed from the cluster.");
  await swept(page);
  const headers = { authorization: `Bearer ${token(SCOPES)}` };
  const account = await request.get("/billing/usage/initech", { headers });
  const { request: at } = (await account.json()) as { request: string };
  await page.goto(at.replace("/onboarding/", "/approvals/"));
  await expect(page.getByRole("region", { name: "Decision" })).toContainText("Tenant removed");
  await swept(page);
});
