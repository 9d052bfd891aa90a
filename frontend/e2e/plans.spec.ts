import { accessible, expect, test } from "./test";

test("the price list is the server's own", async ({ page, request }) => {
  const { plans } = await (await request.get("/billing/plans")).json();
  await page.goto("/");
  await expect(page).toHaveTitle("Plans · Tenantry");
  const table = page.getByRole("table", { name: "Plans, their fees and what each unit costs" });
  await expect(table.getByRole("columnheader")).toHaveCount(plans.length);
  const names = await table.getByRole("columnheader").allInnerTexts();
  expect(names).toEqual(plans.map((plan: { key: string }) => plan.key));
  await expect(table.getByRole("row", { name: /Base fee/ }).getByRole("cell")).toHaveText([
    "USD 299.00",
    "USD 899.00",
    "USD 2,499.00",
  ]);
  await expect(table.getByRole("row", { name: /Support/ }).getByRole("cell")).toHaveText([
    "24 h",
    "8 h",
    "2 h",
  ]);
  await expect(
    table
      .getByRole("row", { name: /Data taken in/ })
      .getByRole("cell")
      .nth(1),
  ).toHaveText("500 GBthen USD 0.30 per GB");
  await expect(page.getByText(/^On sale as of .*GMT/)).toBeVisible();
});

test.describe("a server that does not answer", () => {
  test.use({ expected: /Failed to load resource/ });

  test("is said, with what to do", async ({ page }) => {
    await page.route("**/billing/plans", (route) => route.abort());
    await page.goto("/");
    const alert = page.getByRole("alert");
    await expect(alert).toContainText("The price list is not here.");
    await expect(alert).toContainText("The server cannot be reached.");
    await accessible(page);
    await page.unroute("**/billing/plans");
    await alert.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("table")).toBeVisible();
  });
});

test("colours follow the system or a choice, which is kept", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/");
  const paper = () =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await paper();
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect.poll(paper).not.toBe(light);
  const dark = await paper();
  await page.reload();
  await expect(page.getByRole("radio", { name: "Dark" })).toBeChecked();
  await expect.poll(paper).toBe(dark);
  await page.getByRole("radio", { name: "As the system" }).check();
  await expect.poll(paper).toBe(light);
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(paper).toBe(dark);
});

test("the keyboard reaches everything, the content first if one likes", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("table")).toBeVisible();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(
    page.getByRole("link", { name: "Find out what you would get and pay" }),
  ).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("radio", { name: "As the system" })).toBeFocused();
});

test("the page has no address but the server's, and keeps nothing unasked", async ({
  page,
  context,
}) => {
  await page.goto("/");
  await expect(page.getByRole("table")).toBeVisible();
  expect(await context.cookies()).toEqual([]);
  expect(await page.evaluate(() => [localStorage.length, sessionStorage.length])).toEqual([0, 0]);
});

test.describe("what the policy forbids", () => {
  test.use({
    expected:
      /requires 'TrustedHTML' assignment|violates the (following|document's) Content Security/,
  });

  test("does not run", async ({ page }) => {
    await page.goto("/");
    const [text, colour, asked] = await page.evaluate(async () => {
      const failure = (work: () => void) => {
        try {
          work();
          return "done";
        } catch (error) {
          return (error as Error).name;
        }
      };
      const text = failure(() => {
        document.createElement("div").innerHTML = "<img src=x onerror=alert(1)>";
      });
      const inline = document.createElement("div");
      inline.setAttribute("style", "color: rgb(1, 2, 3)");
      document.body.append(inline);
      const colour = getComputedStyle(inline).color;
      const asked = await fetch("https://example.org/").then(
        () => "asked",
        () => "refused",
      );
      return [text, colour, asked];
    });
    expect(text).toBe("TypeError");
    expect(colour).not.toBe("rgb(1, 2, 3)");
    expect(asked).toBe("refused");
  });
});
