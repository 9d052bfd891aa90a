import { defineConfig } from "@playwright/test";
import pages from "../playwright.config";

/** What is measured has the machine to itself, and takes as long as it takes. */
export default defineConfig({
  ...pages,
  testDir: ".",
  testMatch: "*.bench.ts",
  workers: 1,
  fullyParallel: false,
  timeout: 3_600_000,
  globalSetup: "../e2e/server.ts",
});
