import type { Path } from "../ipc/backend";

/** For showing. */
export function text(path: Path): string {
  return typeof path === "string" ? path : (path.text ?? "\ufffd");
}

/** Tells paths apart, also those whose texts are the same. */
export function key(path: Path): string {
  return typeof path === "string" ? `t${path}` : `b${path.bytes}`;
}

/** The home folder as ~. */
export function short(path: Path, home: string): string {
  const whole = text(path);
  if (home && whole === home) return "~";
  return home && whole.startsWith(`${home}/`) ? `~${whole.slice(home.length)}` : whole;
}

/** ~ as the home folder, as a person types it. */
export function expand(typed: string, home: string): string {
  const trimmed = typed.trim();
  if (trimmed === "~") return home;
  return trimmed.startsWith("~/") ? home + trimmed.slice(1) : trimmed;
}

/** The last name. */
export function name(path: Path): string {
  const whole = text(path).replace(/\/+$/, "");
  return whole.slice(whole.lastIndexOf("/") + 1);
}

/**
 * At most `max` characters: the first segments and the last are kept, with … between. The last name is never cut, unless it
 * alone doesn't fit.
 */
export function middle(path: string, max: number): string {
  if (path.length <= max) return path;
  const segments = path.split("/");
  const last = segments[segments.length - 1] ?? "";
  if (last.length + 2 > max) return last.length <= max ? last : `${last.slice(0, Math.max(1, max - 1))}…`;
  // From the front and from the back by turns, as long as it fits.
  let head = 1;
  let tail = 1;
  const made = (h: number, t: number) => [...segments.slice(0, h), "…", ...segments.slice(segments.length - t)].join("/");
  if (made(head, tail).length > max) return `…/${last}`;
  const fits = (h: number, t: number) => h + t < segments.length && made(h, t).length <= max;
  for (;;) {
    if (fits(head + 1, tail) && (head <= tail || !fits(head, tail + 1))) head += 1;
    else if (fits(head, tail + 1)) tail += 1;
    else return made(head, tail);
  }
}
