import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // A file that was built into another one as a data: address would have to be allowed by the content security policy.
  build: { target: "safari16", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], setupFiles: ["tests/setup.ts"] },
}));
