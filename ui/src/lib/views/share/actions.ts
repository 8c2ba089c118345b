import type { HaltCode, ShareInfo } from "../../ipc/generated";
import { latency } from "../../format/times";
import { announcer } from "../../state/announcer.svelte";
import { app } from "../../state/app.svelte";
import { backend } from "../../state/engine.svelte";
import { t } from "../../strings";

/** Longest wait for a flush, in milliseconds; what is still on its way then stands in the answer. */
const FLUSH_MS_MAX = 60_000;

/** What a person can do to a share from its row and its page. The feed shows what becomes of it. */
export const pause = (share: ShareInfo) => app.run(() => backend().call("share.pause", { share: share.id }));

export const resume = (share: ShareInfo, accept: HaltCode | null = null) =>
  app.run(() => backend().call("share.resume", { share: share.id, accept }));

export const pauseOrResume = (share: ShareInfo) => (share.state === "paused" ? resume(share) : pause(share));

export const reset = (share: ShareInfo) => app.run(() => backend().call("share.reset", { share: share.id }));

/** Tries all problems again at once. */
export const retry = (share: ShareInfo) => app.run(() => backend().call("share.retry", { share: share.id }));

/** Leaves out what a line of `.syncignore` says, from now on. */
export const ignore = (share: ShareInfo, line: string) =>
  app.run(async () => {
    const { text } = await backend().call("rules.read", { share: share.id });
    const stands = text === null || text === "" || text.endsWith("\n") ? (text ?? "") : `${text}\n`;
    await backend().call("rules.write", { share: share.id, text: `${stands}${line}\n`, replaces: text });
    announcer.say(t.problems.ignored(line));
  });

export const prune = (share: ShareInfo) => app.run(() => backend().call("share.prune", { share: share.id }));

export const flush = (share: ShareInfo) =>
  app.run(async () => {
    const flushed = await backend().call("share.flush", { share: share.id, timeout_ms: FLUSH_MS_MAX });
    announcer.say(t.share.flushed(latency(flushed.took_ms)));
  });

export const openFolder = (share: ShareInfo) => app.run(() => backend().openFolder(share.id));
