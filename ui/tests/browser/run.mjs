/** Shows every view in a real browser, light and dark: a picture of each, and no violation of WCAG 2.2 AA that axe can find. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KEYS } from "./keyboard.mjs";
import { stage } from "./stage.mjs";
import { NARROW, VIEWS } from "./views.mjs";

const NOW = "2026-11-03T14:32:11Z";
const LIMIT_MS = 20_000;
/** Views that are shown at the same time. */
const AT_ONCE = 2;
const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

const { values } = parseArgs({
  options: { pictures: { type: "string" }, readme: { type: "string" }, only: { type: "string" } },
});

const { browser, open, close } = await stage();
const axe = readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const faults = [];
let shown = 0;

/** A font that is the same everywhere, for pictures that people see. The checks run with the system's, which may be wider. */
const FONT = ":root { --font-ui: Inter, sans-serif; }";

async function show(view, theme, size, check) {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    timezoneId: "UTC",
    locale: "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const name = `${view.name}-${size.width < 1000 ? "900x600-" : ""}${theme}`;
  page.on("console", (message) => message.type() === "error" && faults.push(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  try {
    await page.clock.setFixedTime(NOW);
    await open(page, view.scenario);
    await view.go?.(page);
    await page.waitForTimeout(120);
    await check(page, name);
    shown += 1;
  } catch (error) {
    faults.push(`${name}: ${error.message}`);
  }
  await context.close();
}

async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((tags) => window.axe.run({ runOnly: tags }), WCAG);
  for (const { id, help, nodes } of violations)
    faults.push(
      `${name}: ${id}: ${help}: ${nodes
        .slice(0, 3)
        .map((node) => node.html)
        .join(" ")}`,
    );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) faults.push(`${name}: the page is ${wide} px wider than the window`);
}

const LARGE = { width: 1120, height: 760 };
const SMALL = { width: 900, height: 600 };
const meant = VIEWS.filter((view) => !values.only || view.name.startsWith(values.only));

if (values.readme) {
  mkdirSync(values.readme, { recursive: true });
  for (const view of meant.filter((view) => view.readme))
    for (const theme of ["light", "dark"])
      await show(view, theme, LARGE, async (page, name) => {
        await page.evaluate((font) => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(font);
          document.adoptedStyleSheets = [sheet];
        }, FONT);
        await page.waitForTimeout(200);
        await page.screenshot({ path: join(values.readme, `${name}.png`) });
      });
} else {
  if (values.pictures) mkdirSync(values.pictures, { recursive: true });
  const check = async (page, name) => {
    if (values.pictures) await page.screenshot({ path: join(values.pictures, `${name}.png`) });
    await accessible(page, name);
  };
  const jobs = meant.flatMap((view) => ["light", "dark"].map((theme) => () => show(view, theme, LARGE, check)));
  jobs.push(...meant.filter((view) => NARROW.includes(view.name)).map((view) => () => show(view, "light", SMALL, check)));
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // What measures time has the computer for itself.
  if (!values.only) for (const test of KEYS) await show(test, "light", LARGE, test.check);
}

await close();
for (const fault of faults) console.error(fault);
console.log(`${shown} shown, ${faults.length} faults.`);
process.exitCode = faults.length > 0 ? 1 : 0;
