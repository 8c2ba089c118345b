import { describe, expect, test } from "vitest";
import { diff, unified } from "./diff";

/** Each row as `=line`, `host|guest`, with - where there is none. */
const rows = (host: string, guest: string) =>
  diff(host, guest).rows.map((row) => {
    const text = (line: typeof row.host) =>
      line ? line.parts.map((part) => (part.differs ? `[${part.text}]` : part.text)).join("") : "-";
    return row.same ? `=${text(row.host)}` : `${text(row.host)}|${text(row.guest)}`;
  });

describe("diff", () => {
  test.each([
    ["", "", []],
    ["a\n", "a\n", ["=a"]],
    ["a\nb\nc\n", "a\nx\nc\n", ["=a", "[b]|[x]", "=c"]],
    ["a\nb\n", "a\n", ["=a", "b|-"]],
    ["b\n", "a\nb\n", ["-|a", "=b"]],
    ["one two three\n", "one 2 three\n", ["one [two] three|one [2] three"]],
    ["a\nb\nc\nd\n", "b\nc\nd\ne\n", ["a|-", "=b", "=c", "=d", "-|e"]],
    ["x = 6 : 4\ny(digits)\n", "y(4)\n", ["x = 6 : 4|-", "y([digits])|y([4])"]],
    ["y(4)\n", "x = 6 : 4\ny(digits)\n", ["-|x = 6 : 4", "y([4])|y([digits])"]],
    ["a\nb\na\nb\n", "b\na\nb\na\n", ["a|-", "=b", "=a", "=b", "-|a"]],
  ])("%j and %j", (host, guest, expected) => expect(rows(host, guest)).toEqual(expected));

  test.each([
    ["a\nb\nc\n", "a\nx\nc\n", ["11=a", "2h[b]", "2g[x]", "33=c"]],
    ["a\nb\nc\n", "x\ny\nc\nd\n", ["1h[a]", "2h[b]", "1g[x]", "2g[y]", "33=c", "4gd"]],
    ["", "", []],
  ])("%j and %j below one another: the host's lines and then the guest's", (host, guest, expected) => {
    const shown = unified(diff(host, guest).rows).map(({ side, host, guest, parts }) => {
      const words = parts.map((part) => (part.differs ? `[${part.text}]` : part.text)).join("");
      return `${host ?? ""}${guest ?? ""}${side ? side[0] : "="}${words}`;
    });
    expect(shown).toEqual(expected);
  });

  test("every line of both stands there once, in order", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 200; round += 1) {
      const make = () => Array.from({ length: random(12) }, () => "abcd"[random(4)]).join("\n") + "\n";
      const [host, guest] = [make(), make()];
      const { rows: found } = diff(host, guest);
      const side = (name: "host" | "guest") =>
        found.flatMap((row) => (row[name] ? [row[name].parts.map((part) => part.text).join("")] : []));
      const lines = (text: string) => (text === "\n" ? [""] : text.split("\n").slice(0, -1));
      expect(side("host")).toEqual(lines(host));
      expect(side("guest")).toEqual(lines(guest));
      expect(
        found.every(
          (row) => row.same === (row.host !== null && row.guest !== null && text(row.host) === text(row.guest)) || !row.same,
        ),
      ).toBe(true);
    }
    function text(line: { parts: { text: string }[] }) {
      return line.parts.map((part) => part.text).join("");
    }
  });

  test("texts that have nothing in common take no time", () => {
    const text = (letter: string) => Array.from({ length: 5_000 }, (_, n) => `${letter}${n}`).join("\n");
    const began = performance.now();
    expect(diff(text("a"), text("b")).places).toBe(1);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
