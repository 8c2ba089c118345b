import type { Path } from "../ipc/backend";

/** The line of `.syncignore` that leaves out one path and what is below it; `null` for a name that no line can say. */
export function ignoreLine(path: Path): string | null {
  if (typeof path !== "string" || path === "" || /[\r\n]/.test(path)) return null;
  return path
    .replace(/[\\*?[\]{}|]/g, "\\$&")
    .replace(/^[#!]/, "\\$&")
    .replace(/^\s|\s$/g, "[$&]");
}
