/** A text diff, line by line and side by side. */

/** One row of a diff: a line on each side, or none. `same` rows are equal. */
export type Row = { same: boolean; host: Line | null; guest: Line | null };
export type Line = { number: number; parts: Part[] };
/** A piece of a line; `differs` where the other side's line has another. */
export type Part = { text: string; differs: boolean };

/** Longest edit script that is looked for; texts that differ in more are shown as wholly different in between. */
const EDITS_MAX = 1000;

/** Rows of two texts, and in how many places they differ. */
export function diff(host: string, guest: string): { rows: Row[]; places: number } {
  const a = lines(host);
  const b = lines(guest);
  const rows: Row[] = [];
  let places = 0;
  let [i, j] = [0, 0];
  for (const [x, y] of [...common(a, b), [a.length, b.length] as const]) {
    if (i < x || j < y) {
      places += 1;
      rows.push(...changed(a, b, i, x, j, y));
    }
    if (x < a.length || y < b.length) rows.push({ same: true, host: whole(a, x), guest: whole(b, y) });
    [i, j] = [x + 1, y + 1];
  }
  return { rows, places };
}

/** One line of a unified diff: of both sides where they are equal, else of one. */
export type UnifiedLine = { side: "host" | "guest" | null; host: number | null; guest: number | null; parts: Part[] };

/** The same below one another: where they differ, the host's lines and then the guest's. */
export function unified(rows: Row[]): UnifiedLine[] {
  const all: UnifiedLine[] = [];
  let waiting: UnifiedLine[] = [];
  for (const { same, host, guest } of rows) {
    if (same && host && guest) {
      all.push(...waiting, { side: null, host: host.number, guest: guest.number, parts: host.parts });
      waiting = [];
      continue;
    }
    if (host) all.push({ side: "host", host: host.number, guest: null, parts: host.parts });
    if (guest) waiting.push({ side: "guest", host: null, guest: guest.number, parts: guest.parts });
  }
  return [...all, ...waiting];
}

function lines(text: string): string[] {
  const all = text.split("\n");
  if (all[all.length - 1] === "") all.pop();
  return all;
}

const whole = (all: string[], at: number): Line => ({ number: at + 1, parts: [{ text: all[at] ?? "", differs: false }] });

function changed(a: string[], b: string[], i: number, x: number, j: number, y: number): Row[] {
  return paired(a.slice(i, x), b.slice(j, y)).map(([at, to]) => {
    const host = at === null ? null : (a[i + at] ?? "");
    const guest = to === null ? null : (b[j + to] ?? "");
    const [hostParts, guestParts] = host !== null && guest !== null ? marked(host, guest) : [null, null];
    return {
      same: false,
      host: host === null || at === null ? null : { number: i + at + 1, parts: hostParts ?? plain(host) },
      guest: guest === null || to === null ? null : { number: j + to + 1, parts: guestParts ?? plain(guest) },
    };
  });
}

const plain = (text: string): Part[] => [{ text, differs: false }];

/** Pairs of lines that are compared at most; more stand side by side as they come. */
const PAIRS_MAX = 10_000;

/**
 * Which line stands beside which, in order: as many beside one another as there are in the shorter, those that begin and end most
 * alike.
 */
function paired(a: string[], b: string[]): [number | null, number | null][] {
  const [n, m] = [a.length, b.length];
  if (n === m || n * m > PAIRS_MAX)
    return Array.from({ length: Math.max(n, m) }, (_, at) => [at < n ? at : null, at < m ? at : null]);
  // best[at][to]: how much is alike from there on. A pair counts for something even where nothing is alike.
  const best = Array.from({ length: n + 1 }, () => new Array<number>(m + 1).fill(0));
  const from = (at: number, to: number) => best[at]?.[to] ?? 0;
  const together = (at: number, to: number) => from(at + 1, to + 1) + 1 + alike(a[at] ?? "", b[to] ?? "");
  for (let at = n - 1; at >= 0; at -= 1)
    for (let to = m - 1; to >= 0; to -= 1) best[at]![to] = Math.max(together(at, to), from(at + 1, to), from(at, to + 1));
  const pairs: [number | null, number | null][] = [];
  let [at, to] = [0, 0];
  while (at < n && to < m) {
    if (from(at, to) === together(at, to)) pairs.push([at++, to++]);
    else if (from(at, to) === from(at + 1, to)) pairs.push([at++, null]);
    else pairs.push([null, to++]);
  }
  while (at < n) pairs.push([at++, null]);
  while (to < m) pairs.push([null, to++]);
  return pairs;
}

/** How many characters two lines begin and end with in common, spaces around them aside. */
function alike(one: string, other: string): number {
  const [a, b] = [one.trim(), other.trim()];
  const { start, end } = ends(a, b);
  return start + end;
}

function ends(one: string, other: string): { start: number; end: number } {
  const shortest = Math.min(one.length, other.length);
  let start = 0;
  while (start < shortest && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < shortest - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  return { start, end };
}

/** What differs in two lines: all between what they begin and end with in common. */
function marked(one: string, other: string): [Part[], Part[]] {
  const { start, end } = ends(one, other);
  const parts = (text: string): Part[] =>
    [
      { text: text.slice(0, start), differs: false },
      { text: text.slice(start, text.length - end), differs: true },
      { text: text.slice(text.length - end), differs: false },
    ].filter((part) => part.text !== "");
  return [parts(one), parts(other)];
}

/** Pairs of equal lines in both, in order: the longest such list, by Myers' greedy algorithm. */
function common(a: string[], b: string[]): (readonly [number, number])[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const pairs: (readonly [number, number])[] = [];
  for (let n = 0; n < start; n += 1) pairs.push([n, n]);
  const middle = myers(a.slice(start, a.length - end), b.slice(start, b.length - end));
  for (const [x, y] of middle) pairs.push([x + start, y + start]);
  for (let n = end; n > 0; n -= 1) pairs.push([a.length - n, b.length - n]);
  return pairs;
}

function myers(a: string[], b: string[]): [number, number][] {
  const max = Math.min(a.length + b.length, EDITS_MAX);
  let reach = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let d = 0; d <= max; d += 1) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? 0) < (reach.get(k + 1) ?? 0));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1;
        y += 1;
      }
      reach.set(k, x);
      if (x >= a.length && y >= b.length) return walkBack(trace, a.length, b.length);
    }
    reach = new Map(reach);
  }
  return [];
}

function walkBack(trace: Map<number, number>[], x: number, y: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let d = trace.length - 1; d >= 0; d -= 1) {
    const reach = trace[d];
    if (!reach) break;
    const k = x - y;
    const down = k === -d || (k !== d && (reach.get(k - 1) ?? 0) < (reach.get(k + 1) ?? 0));
    const before = down ? k + 1 : k - 1;
    const fromX = reach.get(before) ?? 0;
    const fromY = fromX - before;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      x -= 1;
      y -= 1;
      pairs.push([x, y]);
    }
    if (d > 0) [x, y] = [fromX, fromY];
  }
  return pairs.reverse();
}
