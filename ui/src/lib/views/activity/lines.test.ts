import { describe, expect, test } from "vitest";
import { before, lastChange } from "../../../../tests/fixtures/shares";
import type { ShareChange } from "../../ipc/generated";
import { foldersOf, linesOf } from "./lines";

const change = (ms: number, path: string, paths = 1, share = "a", to: "host" | "guest" = "guest"): ShareChange => ({
  share,
  change: lastChange(ms, to, path, { paths, bytes: paths * 10, latency_ms: ms }),
});
const shape = (changes: ShareChange[]) => linesOf(changes).map((line) => [line.changes.length, line.paths]);

describe("lines of the activity", () => {
  test("up to fifty paths in a second stay as they are", () => {
    expect(shape([change(0, "a", 25), change(500, "b", 25)])).toEqual([
      [1, 25],
      [1, 25],
    ]);
  });

  test("more make one line, with their sizes together and the longest latency", () => {
    const line = linesOf([change(0, "src/a", 26), change(999, "lib/b", 25), change(1_000, "c")])[0]!;
    expect([line.changes.length, line.paths, line.bytes, line.latency_ms]).toEqual([2, 51, 510, 999]);
    expect(foldersOf(line)).toEqual({ named: ["src", "lib"], more: false });
  });

  test("what belongs to another share, direction or second isn't together", () => {
    for (const other of [change(1, "b", 40, "b"), change(1, "b", 40, "a", "host"), change(1_000, "b", 40)])
      expect(shape([change(0, "a", 40), other])).toEqual([
        [1, 40],
        [1, 40],
      ]);
  });

  test("many single changes are together too, and a line keeps its id as more come", () => {
    const burst = Array.from({ length: 60 }, (_, n) => change(n * 10, `src/${n}.ts`));
    expect(shape(burst)).toEqual([[60, 60]]);
    expect(linesOf(burst.slice(5))[0]!.id).toBe(linesOf(burst)[0]!.id);
    expect(before(0)).toBe(burst[0]!.change.at);
  });

  test("a size that isn't known adds nothing", () => {
    const bare = { share: "a", change: lastChange(0, "guest", "x", { bytes: null, latency_ms: null, paths: 60 }) };
    expect(linesOf([bare])[0]).toMatchObject({ bytes: null, latency_ms: null });
    expect(foldersOf(linesOf([bare])[0]!)).toEqual({ named: [], more: false });
  });
});
