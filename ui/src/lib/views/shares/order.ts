import type { ShareInfo, State } from "../../ipc/generated";
import { text } from "../../format/paths";
import type { SortBy } from "../../state/list.svelte";
import { t } from "../../strings";

/** What needs a person first; Syncing and Watching are equals, so that a keystroke moves no row. */
const ATTENTION: Record<State, number> = {
  halted: 0,
  problem: 1,
  conflict: 2,
  disconnected: 3,
  preparing: 4,
  syncing: 5,
  watching: 5,
  paused: 6,
};

export function tracked(share: ShareInfo): number {
  return share.entries.files + share.entries.directories + share.entries.symlinks;
}

function compare(by: SortBy, a: ShareInfo, b: ShareInfo): number {
  switch (by) {
    case "attention":
      return ATTENTION[a.state] - ATTENTION[b.state];
    case "name":
      return 0;
    case "space":
      return b.space.host_bytes - a.space.host_bytes;
    case "entries":
      return tracked(b) - tracked(a);
    case "containers":
      return b.containers.length - a.containers.length;
  }
}

export function sorted(shares: ShareInfo[], by: SortBy): ShareInfo[] {
  return [...shares].sort((a, b) => compare(by, a, b) || (a.name < b.name ? -1 : 1));
}

/** Whether a share has every word of the filter: in its name, path, state or containers. */
export function matches(share: ShareInfo, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const containers = share.containers.map((container) => container.name).join(" ");
  const all = `${share.name} ${text(share.host_path)} ${t.states[share.state]} ${containers}`.toLowerCase();
  return words.every((word) => all.includes(word));
}

/** The order of `ids` with what is new at the end of it and what is gone left out: rows that don't move. */
export function held(shares: ShareInfo[], ids: string[]): ShareInfo[] {
  const place = new Map(ids.map((id, at) => [id, at]));
  return [...shares].sort((a, b) => (place.get(a.id) ?? ids.length) - (place.get(b.id) ?? ids.length));
}
