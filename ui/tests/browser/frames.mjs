/**
 * How evenly the window is drawn while all shares change as often as the engine tells. Measures and prints; nothing fails
 * because a computer is slow. Deltas arrive as text, as they do from the app, so that reading them is counted.
 */
import { parseArgs } from "node:util";
import { stage } from "./stage.mjs";

const { values } = parseArgs({
  options: {
    shares: { type: "string", default: "200" },
    seconds: { type: "string", default: "10" },
    json: { type: "boolean" },
  },
});
const seconds = Number(values.seconds);
/** `DELTAS_PER_SECOND_MAX` of the engine. */
const PER_SECOND = 4;
/** A frame at 60 a second, and half of one more: what was drawn later missed its turn. */
const LATE_MS = 25;

/** What a person has before them meanwhile. */
const WATCHED = [
  { name: "the list", go: async () => {} },
  { name: "the list, scrolled", scroll: true, go: async () => {} },
  {
    name: "the list, all rows open",
    go: async (page) => {
      const rows = page.locator("[data-share]");
      await rows.first().focus();
      for (let n = 0; n < (await rows.count()); n += 1) {
        await page.keyboard.press("ArrowRight");
        await page.keyboard.press("ArrowDown");
      }
    },
  },
  {
    name: "one share",
    go: (page) => page.getByRole("button", { name: "project-000", exact: true }).click(),
  },
  {
    name: "all activity",
    go: (page) => page.getByRole("navigation").getByRole("button", { name: "Activity" }).click(),
  },
];

/** Runs in the page: changes all shares for a while, and notes when each frame was drawn. */
async function change({ shares, seconds, perSecond, scroll }) {
  const { fake } = window;
  const known = fake.snapshot.shares.slice(0, shares);
  const change = { to: "guest", path: "src/a.ts", from: null, kind: "modified", paths: 1, bytes: 4096, latency_ms: 2 };
  const delta = (n) =>
    JSON.stringify({
      since: n,
      seq: n + 1,
      machine: null,
      docker: null,
      removed: [],
      shares: known.map((share, at) => ({
        ...share,
        state: (n + at) % 2 ? "syncing" : "watching",
        pending: n,
        pending_to_guest: n,
        space: { ...share.space, host_bytes: share.space.host_bytes + n * 4096 },
        entries: { ...share.entries, files: share.entries.files + n },
        last_change: { ...change, at: new Date().toISOString() },
      })),
    });
  const tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration))).observe({
    type: "longtask",
  });
  let n = 0;
  const timer = setInterval(() => {
    n += 1;
    const text = delta(n);
    // As a message of its own, like one of the app.
    setTimeout(() => fake.hear({ type: "delta", delta: JSON.parse(text) }));
  }, 1000 / perSecond);
  const content = document.querySelector(".content");
  const range = content.scrollHeight - content.clientHeight;
  const gaps = [];
  const begun = performance.now();
  let last = begun;
  while (last - begun < seconds * 1000) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    // As by a wheel that turns without a pause: 600 pixels in a second.
    if (scroll) content.scrollTop = (((now - begun) / 1000) * 600) % range;
  }
  clearInterval(timer);
  return { gaps, tasks, deltas: n };
}

const { browser, open, close } = await stage();
const measured = [];
for (const { name, go, scroll } of WATCHED) {
  const context = await browser.newContext({ viewport: { width: 1120, height: 760 } });
  const page = await context.newPage();
  await open(page, "many");
  await go(page);
  await page.waitForTimeout(500);
  const client = await context.newCDPSession(page);
  await client.send("Performance.enable");
  const counters = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  const before = await counters();
  const { gaps, tasks, deltas } = await page.evaluate(change, {
    shares: Number(values.shares),
    seconds,
    perSecond: PER_SECOND,
    scroll: scroll ?? false,
  });
  const after = await counters();
  const spent = (name) => ((after[name] - before[name]) * 1000) / deltas;
  gaps.sort((a, b) => a - b);
  const at = (part) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * part))];
  measured.push({
    name,
    frames_per_second: gaps.length / (gaps.reduce((sum, gap) => sum + gap, 0) / 1000),
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    max_ms: at(1),
    late: gaps.filter((gap) => gap > LATE_MS).length,
    frames: gaps.length,
    long_tasks: tasks.length,
    script_ms: spent("ScriptDuration"),
    style_ms: spent("RecalcStyleDuration"),
    layout_ms: spent("LayoutDuration"),
    task_ms: spent("TaskDuration"),
  });
  await context.close();
}
await close();

if (values.json) console.log(JSON.stringify(measured, null, 2));
else {
  console.log(`${values.shares} shares, all of them changed ${PER_SECOND} times a second, for ${seconds} s`);
  for (const one of measured) {
    const ms = (value) => `${value.toFixed(1)} ms`;
    console.log(
      `${one.name}: ${one.frames_per_second.toFixed(1)} frames/s, between two p50 ${ms(one.p50_ms)}, p99 ${ms(one.p99_ms)}, ` +
        `max ${ms(one.max_ms)}; ${one.late} of ${one.frames} late; ${one.long_tasks} tasks over 50 ms; for each delta script ` +
        `${ms(one.script_ms)}, style ${ms(one.style_ms)}, layout ${ms(one.layout_ms)}, all tasks ${ms(one.task_ms)}`,
    );
  }
}
