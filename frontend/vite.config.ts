import { realpathSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// What the API server answers; `npm run dev` asks one on its usual port.
const api = [
  "/billing",
  "/recommendation",
  "/roi",
  "/onboarding",
  "/profiles",
  "/accounts",
  "/docs",
  "/openapi.json",
];
const server = process.env.TENANTRY_API ?? "http://localhost:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../api-server/ui",
    emptyOutDir: true,
    // The page's policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Whose code is in it, and under which terms.
    license: { fileName: "licenses.md" },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(api.map((path) => [path, server])),
    // node_modules is a link to a folder outside the checkout.
    fs: { allow: [".", realpathSync("node_modules")] },
  },
  test: { include: ["{src,pictures,said}/**/*.test.ts"] },
});
