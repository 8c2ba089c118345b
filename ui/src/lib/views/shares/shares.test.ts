import { describe, expect, test } from "vitest";
import {
  NOW,
  billing,
  docs,
  everyState,
  firmware,
  halted,
  paused,
  preparing,
  share,
  storefront,
  syncing,
} from "../../../../tests/fixtures/shares";
import type { State } from "../../ipc/generated";
import { held, matches, sorted } from "./order";
import { percentOf, secondLine } from "./secondLine";

const names = (shares: { name: string }[]) => shares.map((one) => one.name);
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("the order of the list", () => {
  test("what needs a person comes first; Syncing and Watching are equals", () => {
    const all = [paused, storefront, syncing, docs, preparing, billing, firmware, halted];
    expect(names(sorted(all, "attention"))).toEqual([
      "website",
      "firmware",
      "billing-api",
      "design-system",
      "docs-site",
      "legacy-monolith",
      "storefront",
      "notebooks",
    ]);
  });

  test("by other columns, by name within", () => {
    const all = [docs, storefront, syncing];
    expect(names(sorted(all, "name"))).toEqual(["docs-site", "legacy-monolith", "storefront"]);
    expect(names(sorted(all, "space"))).toEqual(["legacy-monolith", "storefront", "docs-site"]);
    expect(names(sorted(all, "containers"))[0]).toBe("storefront");
  });

  test("rows that are held stay; new ones come last", () => {
    expect(names(held([docs, storefront, syncing], ["storefront", "gone", "docs-site"]))).toEqual([
      "storefront",
      "docs-site",
      "legacy-monolith",
    ]);
  });
});

describe("the filter", () => {
  test.each([
    ["", true],
    ["store", true],
    ["SRC", true],
    ["watching", true],
    ["worker", true],
    ["store worker", true],
    ["store nothing", false],
  ])("%j", (filter, kept) => expect(matches(storefront, filter)).toBe(kept));
});

describe("the second line", () => {
  const expected: Record<State, string> = {
    preparing: "41 s left · 48 212 of 131 067 files · 1.2 of 3.4 GB",
    watching: "Last change 4 s ago, 6 ms",
    syncing: "214 changes left, host to guest",
    conflict: "3 conflicts, the oldest for 12 min",
    problem: "Disk full in the machine, and 3 more",
    halted:
      "The host folder was emptied at 14:31:07. Causeway stopped before it deleted anything; the guest still has all of them.",
    paused: "For 2 days, 14 changes wait",
    disconnected: "The machine is stopped.",
  };
  test.each(Object.entries(everyState))("%s", (state, one) => {
    const line = secondLine(one, Date.parse(NOW));
    expect(plain(line.text)).toBe(expected[state as State]);
    expect(line.link !== undefined).toBe(["conflict", "problem", "halted", "paused", "disconnected"].includes(state));
  });

  test("progress is never whole before it is done, and unknown without a total", () => {
    expect(percentOf(preparing)).toBe(36);
    const progress = { ...preparing.progress!, files_done: 10, files_total: 10, bytes_done: 10, bytes_total: 10 };
    expect(percentOf(share("a", "a", { progress }))).toBe(99);
    expect(percentOf(share("a", "a", { progress: { ...progress, files_total: null, bytes_total: null } }))).toBeNull();
    expect(percentOf(docs)).toBeNull();
  });
});
