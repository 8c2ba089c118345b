import type { Usage, UsageSpan } from "../../ipc/generated";
import { errorOf } from "../../ipc/backend";
import { app } from "../../state/app.svelte";
import { backend } from "../../state/engine.svelte";

/** As often as the engine measures. */
const AGAIN_MS = 5000;

/** What the machine takes of the computer, asked for while somebody looks. */
export class UsageFeed {
  span = $state<UsageSpan>("quarter_hour");
  usage = $state.raw<Usage | null>(null);

  /** Keeps it up to date until what is returned is called. For an effect. */
  follow(): () => void {
    const { span } = this;
    let over = false;
    const ask = async () => {
      try {
        const usage = await backend().call("machine.usage", { span });
        if (!over) this.usage = usage;
      } catch (thrown) {
        if (!over) app.error = errorOf(thrown);
      }
    };
    void ask();
    const timer = setInterval(() => !document.hidden && void ask(), AGAIN_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }
}

/** A line through the values that there are, and the area below it, in a box of `width` by `height`. */
export function curve(values: (number | null)[], max: number, width: number, height: number) {
  const step = width / Math.max(1, values.length - 1);
  const parts: { line: string; area: string }[] = [];
  let points: string[] = [];
  const end = (at: number) => {
    if (points.length > 1) {
      const first = ((at - points.length) * step).toFixed(1);
      const last = ((at - 1) * step).toFixed(1);
      const line = `M${points.join("L")}`;
      parts.push({ line, area: `${line}L${last} ${height}L${first} ${height}Z` });
    }
    points = [];
  };
  values.forEach((value, at) => {
    if (value === null) return end(at);
    const y = height - 1 - (Math.min(value, max) / Math.max(1, max)) * (height - 2);
    points.push(`${(at * step).toFixed(1)} ${y.toFixed(1)}`);
  });
  end(values.length);
  return parts;
}
