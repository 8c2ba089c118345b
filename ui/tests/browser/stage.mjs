/** The built interface in a browser: served as the app serves it, with a double where Tauri would be. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "../../dist");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** The policy that the app is shown under, so that what it forbids fails here as well. */
function policy() {
  const { csp } = JSON.parse(readFileSync(join(here, "../../../tauri.conf.json"), "utf8")).app.security;
  return Object.entries(csp)
    .map(([name, value]) => `${name} ${value}`)
    .join("; ");
}

async function serve() {
  const server = createServer((request, response) => {
    const path = request.url === "/" ? "/index.html" : new URL(request.url, "http://here").pathname;
    try {
      const body = readFileSync(join(dist, path));
      response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
        "content-security-policy": policy(),
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

async function double() {
  const result = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, lib: { entry: join(here, "fake.ts"), formats: ["iife"], name: "fake" } },
  });
  return (Array.isArray(result) ? result[0] : result).output[0].code;
}

/** A browser with the interface in it: `open` shows a scenario on a page, `close` ends all. */
export async function stage() {
  const server = await serve();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  const script = await double();
  return {
    browser,
    async open(page, scenario) {
      await page.addInitScript(`window.scenario = ${JSON.stringify(scenario)}; ${script}`);
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await page.locator("footer").waitFor();
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
