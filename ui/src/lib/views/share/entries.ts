import type { SideEntry } from "../../ipc/generated";
import { bytes } from "../../format/numbers";
import { t } from "../../strings";

/** What stands at a path, in a word. */
export function entryWord(entry: SideEntry): string {
  switch (entry.kind) {
    case "absent":
      return t.conflicts.deleted;
    case "directory":
      return t.conflicts.directory;
    case "file":
      return t.conflicts.file;
    case "symlink":
      return t.conflicts.symlink;
    case "untracked":
      return t.conflicts.untracked;
  }
}

/** File, 4.2 KB; Deleted */
export function entryLine(entry: SideEntry): string {
  return entry.kind === "file" ? `${entryWord(entry)}, ${bytes(entry.size)}` : entryWord(entry);
}

/** Which of two was changed later; `null` where that can't be told. */
export function newer(host: SideEntry, guest: SideEntry): "host" | "guest" | null {
  if (host.kind !== "file" || guest.kind !== "file" || host.mtime === guest.mtime) return null;
  return Date.parse(host.mtime) > Date.parse(guest.mtime) ? "host" : "guest";
}
