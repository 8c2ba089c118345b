import { t } from "../strings";
import type { ShareInfo } from "../ipc/generated";

const QUIET_MS = 5000;
const AT_ONCE = new Set(["problem", "conflict", "halted"]);

/** Tells changes of state to those who listen to the screen: at most a sentence in five seconds, but what needs them at once. */
class Announcer {
  text = $state("");
  #before = new Map<string, string>();
  #spoke = 0;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  look(shares: ShareInfo[]) {
    const first = this.#before.size === 0;
    let latest: ShareInfo | undefined;
    for (const share of shares) {
      if (this.#before.get(share.id) === share.state) continue;
      this.#before.set(share.id, share.state);
      if (!latest || AT_ONCE.has(share.state)) latest = share;
    }
    if (!latest || first) return;
    const sentence = t.announce(latest.name, t.states[latest.state]);
    clearTimeout(this.#waiting);
    const wait = AT_ONCE.has(latest.state) ? 0 : Math.max(0, this.#spoke + QUIET_MS - Date.now());
    this.#waiting = setTimeout(() => this.say(sentence), wait);
  }

  say(sentence: string) {
    this.#spoke = Date.now();
    this.text = sentence;
  }
}

export const announcer = new Announcer();
