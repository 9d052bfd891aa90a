import { defineConfig } from "@playwright/test";
import pages from "../playwright.config";

export default defineConfig({
  ...pages,
  testDir: ".",
  testMatch: "pictures.ts",
  workers: 1,
  fullyParallel: false,
  globalSetup: "../e2e/server.ts",
});
