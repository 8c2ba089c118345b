import { expect, test } from "vitest";
import { ignoreLine } from "./ignoreLine";

test.each([
  ["secrets/dev.pem", "secrets/dev.pem"],
  ["a[1]/*.{js|ts}?", "a\\[1\\]/\\*.\\{js\\|ts\\}\\?"],
  ["#notes", "\\#notes"],
  ["!important", "\\!important"],
  ["back\\slash", "back\\\\slash"],
  [" spaces ", "[ ]spaces[ ]"],
  ["a#b!c", "a#b!c"],
])("%j", (path, line) => expect(ignoreLine(path)).toBe(line));

test("a name that no line can say has none", () => {
  expect(ignoreLine("two\nlines")).toBeNull();
  expect(ignoreLine({ bytes: "/w==" })).toBeNull();
  expect(ignoreLine("")).toBeNull();
});
