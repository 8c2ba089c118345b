import type { Methods, Page } from "../ipc/generated";
import { errorOf } from "../ipc/backend";
import type { ApiError } from "../ipc/generated";
import { backend } from "./engine.svelte";

type Listing = "share.conflicts" | "share.problems" | "bin.list";
type Item<M extends Listing> = Methods[M]["reply"] extends Page<infer T> ? T : never;

const ITEMS = 200;
/** The engine's own bound. */
const ITEMS_MAX = 1000;

/** A share's list, as far as it was asked for, asked again when `refresh` is called. */
export class PagedList<M extends Listing> {
  items = $state.raw<Item<M>[]>([]);
  total = $state(0);
  loaded = $state(false);
  error = $state.raw<ApiError | null>(null);
  more = $state(false);
  #pages = 1;
  #whole = false;
  #asking = false;
  #again = false;

  constructor(
    readonly method: M,
    readonly share: string,
  ) {}

  /** Asks again for all that is shown. One question is under way at a time; changes meanwhile make one more. */
  async refresh() {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    try {
      do {
        this.#again = false;
        await this.#ask();
      } while (this.#again);
      this.error = null;
    } catch (thrown) {
      this.error = errorOf(thrown);
    } finally {
      this.#asking = false;
    }
  }

  /** Whether all pages are shown, or those alone that were asked for. */
  async showWhole(whole: boolean) {
    if (this.#whole === whole) return;
    this.#whole = whole;
    if (whole ? this.more : this.items.length > this.#pages * ITEMS) await this.refresh();
  }

  async showMore() {
    this.#pages += 1;
    await this.refresh();
  }

  async #ask() {
    const items: Item<M>[] = [];
    let cursor: string | null = null;
    const limit = this.#whole ? ITEMS_MAX : ITEMS;
    for (let page = 0; this.#whole || page < this.#pages; page += 1) {
      const reply: Page<unknown> = await backend().call(this.method, { share: this.share, cursor, limit });
      items.push(...(reply.items as Item<M>[]));
      this.total = reply.total;
      cursor = reply.next;
      if (cursor === null) break;
    }
    this.items = items;
    this.more = cursor !== null;
    this.loaded = true;
  }
}
