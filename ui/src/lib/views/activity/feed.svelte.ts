import type { Activity } from "../../ipc/generated";
import { errorOf } from "../../ipc/backend";
import { duration, latency } from "../../format/times";
import { app } from "../../state/app.svelte";
import { backend, engine } from "../../state/engine.svelte";
import { t } from "../../strings";

/** While the window is looked at, how often intervals move on although nothing changes. */
const MOVES_ON_MS = 5000;

/** What has crossed lately, in one share or in all; asked for again when something has crossed. */
export class ActivityFeed {
  activity = $state.raw<Activity | null>(null);
  #asking = false;

  constructor(readonly share: string | null) {}

  /** Keeps it up to date until what is returned is called. For an effect. */
  follow(): () => void {
    // What tells that something has crossed: the last change of each share.
    void (this.share === null
      ? engine.shares.map((share) => share.last_change?.at)
      : [engine.share(this.share)?.last_change?.at]);
    void this.#ask();
    const timer = setInterval(() => !document.hidden && void this.#ask(), MOVES_ON_MS);
    return () => clearInterval(timer);
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.activity = await backend().call("activity", { share: this.share });
    } catch (thrown) {
      // A share that was just removed has none.
      const error = errorOf(thrown);
      if (error.code !== "no_such_share") app.error = error;
    } finally {
      this.#asking = false;
    }
  }

  get window(): string {
    const activity = this.activity;
    return activity ? duration(activity.intervals.length * activity.interval_ms) : "";
  }

  /** last 10 min, p50 6 ms, p95 19 ms */
  get summary(): string {
    const { activity } = this;
    if (!activity) return "";
    if (activity.p50_ms === null || activity.p95_ms === null) return t.activity.lastOnly(this.window);
    return t.activity.last(this.window, latency(activity.p50_ms), latency(activity.p95_ms));
  }
}
