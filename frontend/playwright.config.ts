import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

/** Where pictures and traces of failures go: not into the checkout. */
const output = process.env.TENANTRY_UI_OUTPUT ?? join(tmpdir(), `tenantry-ui-${process.pid}`);

export default defineConfig({
  testDir: "e2e",
  outputDir: output,
  // Each test has its own browser context; the server is one for all, and tenants have names of their own.
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  retries: 0,
  // For a machine that is busy; conditions end earlier.
  timeout: 900_000,
  expect: { timeout: 120_000 },
  reporter: [["list"]],
  globalSetup: "./e2e/server.ts",
  use: {
    locale: "en-US",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1280, height: 900 },
    trace: "off",
    launchOptions: {
      executablePath: process.env.TENANTRY_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        // Root may run it; the pages are our own.
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-sync",
        "--disable-domain-reliability",
        "--no-first-run",
      ],
    },
  },
});
