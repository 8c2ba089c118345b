import { errorOf } from "../ipc/backend";
import type { ApiError, AppAbout, AppPreferences } from "../ipc/generated";
import { backend } from "./engine.svelte";

/** What is known of the app itself, and what it asks or has to say over any page. */
class AppState {
  about = $state.raw<AppAbout | null>(null);
  preferences = $state.raw<AppPreferences | null>(null);
  /** Something is dragged over the window. */
  dragged = $state(false);
  /** Shares that containers use, while the app asks whether to quit all the same. */
  quitAsked = $state.raw<string[] | null>(null);
  /** What went wrong last, until it is put away. */
  error = $state.raw<ApiError | null>(null);

  get home(): string {
    const home = this.about?.home_folder ?? "";
    return typeof home === "string" ? home : "";
  }

  async load() {
    [this.about, this.preferences] = await Promise.all([backend().about(), backend().readPreferences()]);
  }

  async set(change: Partial<AppPreferences>) {
    if (!this.preferences) return;
    const preferences = { ...this.preferences, ...change };
    if (await this.run(() => backend().writePreferences(preferences))) this.preferences = preferences;
  }

  /** Runs what may be refused, and shows why it was. Returns whether it was done. */
  async run(what: () => Promise<unknown>): Promise<boolean> {
    try {
      await what();
      return true;
    } catch (thrown) {
      this.error = errorOf(thrown);
      return false;
    }
  }
}

export const app = new AppState();
