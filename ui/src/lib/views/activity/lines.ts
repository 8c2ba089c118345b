import type { ShareChange } from "../../ipc/generated";
import { key, text } from "../../format/paths";

/** More paths than this that crossed within a second make one line. */
export const TOGETHER_ABOVE = 50;
const TOGETHER_MS = 1000;
/** Folders that such a line names. */
const NAMED = 2;

/** A line of the activity: what crossed at once, or several of it that followed one another within a second. */
export type Line = {
  /** Tells lines apart, and stays as changes are added to it. */
  id: string;
  /** The latest first. */
  changes: ShareChange[];
  paths: number;
  bytes: number | null;
  /** The longest. */
  latency_ms: number | null;
};

/** The lines of changes of which the latest comes first. */
export function linesOf(changes: ShareChange[]): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < changes.length;) {
    const end = endOfSecond(changes, at);
    const together = changes.slice(at, end);
    const paths = together.reduce((sum, { change }) => sum + change.paths, 0);
    if (paths > TOGETHER_ABOVE) lines.push(lineOf(together));
    else lines.push(...together.map((one) => lineOf([one])));
    at = end;
  }
  return lines;
}

/** Where the changes end that crossed in the same direction of the same share within a second of the one before. */
function endOfSecond(changes: ShareChange[], begin: number): number {
  const first = changes[begin]!;
  const latest = Date.parse(first.change.at);
  let end = begin + 1;
  for (; end < changes.length; end += 1) {
    const { share, change } = changes[end]!;
    const same = share === first.share && change.to === first.change.to;
    if (!same || latest - Date.parse(change.at) >= TOGETHER_MS) break;
  }
  return end;
}

function lineOf(changes: ShareChange[]): Line {
  const { share, change } = changes[changes.length - 1]!;
  const sum = (values: (number | null)[], add: (a: number, b: number) => number) =>
    values.reduce((sum, value) => (value === null ? sum : sum === null ? value : add(sum, value)), null);
  return {
    id: [share, change.at, change.to, key(change.path)].join(" "),
    changes,
    paths: changes.reduce((sum, one) => sum + one.change.paths, 0),
    bytes: sum(
      changes.map((one) => one.change.bytes),
      (a, b) => a + b,
    ),
    latency_ms: sum(
      changes.map((one) => one.change.latency_ms),
      Math.max,
    ),
  };
}

/** The folders at the top in which something crossed, and whether there are more. */
export function foldersOf(line: Line): { named: string[]; more: boolean } {
  const tops = new Set(
    line.changes
      .map(({ change }) => text(change.path))
      .flatMap((path) => (path.includes("/") ? [path.slice(0, path.indexOf("/"))] : [])),
  );
  return { named: [...tops].slice(0, NAMED), more: tops.size > NAMED };
}
