import type { Usage, UsageSpan } from "../ipc/generated";
import { backend } from "./engine.svelte";

/** As often as the engine measures. */
const AGAIN_MS = 5000;

/** What the machine takes of the computer, asked for while somebody looks. */
export class UsageFeed {
  span = $state<UsageSpan>("quarter_hour");
  /** `null` until it is known, and while the engine doesn't tell. */
  usage = $state.raw<Usage | null>(null);

  /** Keeps it up to date until what is returned is called. For an effect. */
  follow(): () => void {
    const { span } = this;
    let over = false;
    const ask = async () => {
      const usage = await backend()
        .call("machine.usage", { span })
        .catch(() => null);
      if (!over) this.usage = usage;
    };
    void ask();
    const timer = setInterval(() => !document.hidden && void ask(), AGAIN_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }
}
