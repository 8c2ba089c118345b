import { describe, expect, test } from "vitest";
import { bytes, bytesOf, count, percent, plural } from "./numbers";
import { expand, key, middle, short } from "./paths";
import { ago, duration, latency, momentShort } from "./times";

/** Spaces that don't break, as plain ones, so that the tables can be read. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("numbers", () => {
  test.each([
    [0, "0"],
    [999, "999"],
    [212_340, "212 340"],
    [1_204_338, "1 204 338"],
  ])("count of %d", (n, text) => expect(plain(count(n))).toBe(text));

  test.each([
    [0, "0 B"],
    [812, "812 B"],
    [4_200, "4.2 KB"],
    [112_000, "112 KB"],
    [999_600, "1 MB"],
    [2_310_000_000, "2.31 GB"],
    [3_400_000_000, "3.4 GB"],
    [11_900_000_000, "11.9 GB"],
    [184_000_000_000, "184 GB"],
  ])("bytes of %d", (n, text) => expect(plain(bytes(n))).toBe(text));

  test("what is done of a total", () => {
    expect(plain(bytesOf(1.2e9, 3.4e9))).toBe("1.2 of 3.4 GB");
    expect(plain(bytesOf(5e5, 3.4e9))).toBe("500 KB of 3.4 GB");
    expect([percent(0, 10), percent(1, 1000), percent(999, 1000), percent(10, 10)].map(plain)).toEqual([
      "0 %",
      "1 %",
      "99 %",
      "100 %",
    ]);
    expect([plural(1, "entry", "entries"), plural(2, "entry", "entries")].map(plain)).toEqual(["1 entry", "2 entries"]);
  });
});

describe("times", () => {
  test.each([
    [-5, "0 s"],
    [4_400, "4 s"],
    [12 * 60_000, "12 min"],
    [(5 * 60 + 20) * 60_000, "5 h 20 min"],
    [3 * 3_600_000, "3 h"],
    [50 * 3_600_000, "2 days"],
    [25 * 3_600_000, "1 day"],
  ])("duration of %d ms", (ms, text) => expect(plain(duration(ms))).toBe(text));

  test.each([
    [6, "6 ms"],
    [1_900, "1.9 s"],
    [14_000, "14 s"],
  ])("latency of %d ms", (ms, text) => expect(plain(latency(ms))).toBe(text));

  test("how long ago, and when", () => {
    const now = Date.parse("2026-11-03T14:32:11Z");
    expect(plain(ago("2026-11-03T14:32:07Z", now))).toBe("4 s ago");
    expect(ago("2026-11-03T14:32:12Z", now)).toBe("just now");
    expect(plain(ago("2026-11-03T11:20:00Z", now))).toBe("3 h ago");
    expect(momentShort("2026-01-05T12:00:00Z", now)).toMatch(/^5 Jan \d\d:\d\d$/);
    expect(momentShort("2025-01-05T12:00:00Z", now)).toMatch(/^5 Jan 2025 /);
  });
});

describe("paths", () => {
  test.each([
    ["~/src/storefront", 30, "~/src/storefront"],
    ["~/src/billing/backend/services/api", 30, "~/src/billing/…/services/api"],
    ["~/clients/harbour/platform/apps/legacy-monolith", 30, "~/clients/…/legacy-monolith"],
    ["a/very-long-name-that-fits-alone", 31, "very-long-name-that-fits-alone"],
    ["a/far-too-long-a-name", 8, "far-too…"],
  ])("%s in %d characters", (path, max, text) => {
    expect(middle(path, max)).toBe(text);
    expect(middle(path, max).length).toBeLessThanOrEqual(max);
  });

  test("the home folder is a tilde", () => {
    expect(short("/home/ada/src", "/home/ada")).toBe("~/src");
    expect(short("/home/adam/src", "/home/ada")).toBe("/home/adam/src");
    expect(expand(" ~/src ", "/home/ada")).toBe("/home/ada/src");
    expect(expand("~ada/src", "/home/ada")).toBe("~ada/src");
  });

  test("a path that isn't text is told from one that looks the same", () => {
    expect(key({ bytes: "Y2Fm6Q==", text: "caf\ufffd" })).not.toBe(key("caf\ufffd"));
  });
});
