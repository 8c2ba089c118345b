import type { State } from "../ipc/generated";

export type SortBy = "attention" | "name" | "space" | "entries" | "containers";

/** How the list of shares looks. It outlives the list: it is as it was when one comes back to it. */
class ListView {
  filter = $state("");
  /** Only shares in these states; from a link of the footer. */
  states = $state.raw<State[]>([]);
  sort = $state<SortBy>("attention");
  open = $state.raw<ReadonlySet<string>>(new Set());
  scroll = 0;
  /** The row with the list's one tab stop. */
  current = $state<string | null>(null);

  toggle(id: string, open = !this.open.has(id)) {
    const next = new Set(this.open);
    if (open) next.add(id);
    else next.delete(id);
    this.open = next;
  }

  only(states: State[]) {
    this.filter = "";
    this.states = states;
  }
}

export const listView = new ListView();
