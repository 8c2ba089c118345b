import type { Progress, ShareInfo } from "../../ipc/generated";
import { bytesOf, bytes } from "../../format/numbers";
import { ago, duration, latency, msSince } from "../../format/times";
import type { Tab } from "../../state/router.svelte";
import { t } from "../../strings";

/** What stands below a share's state, and the link that moves it on. */
export type SecondLine = { text: string; link?: { label: string; tab?: Tab; resume?: true; machine?: true } };

export function secondLine(share: ShareInfo, now: number): SecondLine {
  const lasts = duration(msSince(share.state_since, now));
  switch (share.state) {
    case "preparing":
      return { text: preparing(share) };
    case "watching":
      return { text: watching(share, now) };
    case "syncing":
      return { text: syncing(share) };
    case "conflict": {
      const since = share.conflicts_since ? duration(msSince(share.conflicts_since, now)) : lasts;
      return { text: t.shares.conflicts(share.conflicts, since), link: { label: t.shares.actions.review, tab: "conflicts" } };
    }
    case "problem": {
      const worst = share.worst_problem;
      const title = worst ? t.problems.titled(worst.code, worst.side) : (share.detail ?? "");
      return { text: t.shares.problems(title, share.problems - 1), link: { label: t.shares.actions.remedy, tab: "problems" } };
    }
    case "halted":
      return { text: share.halt?.sentence ?? share.detail ?? "", link: { label: t.shares.actions.look, tab: "overview" } };
    case "paused":
      return { text: t.shares.pausedFor(lasts, share.pending), link: { label: t.shares.actions.resume, resume: true } };
    case "disconnected":
      return { text: share.detail ?? "", link: { label: t.shares.actions.why, machine: true } };
  }
}

function preparing(share: ShareInfo): string {
  const progress = share.progress;
  if (!progress) return share.detail ?? "";
  const parts: string[] = [];
  if (progress.left_ms !== null) parts.push(t.shares.left(duration(progress.left_ms)));
  else parts.push(t.phases[progress.phase]);
  if (progress.files_total !== null) parts.push(t.shares.filesOf(progress.files_done, progress.files_total));
  else if (progress.files_done > 0) parts.push(soFar(progress));
  if (progress.bytes_total !== null) parts.push(bytesOf(progress.bytes_done, progress.bytes_total));
  else if (progress.bytes_done > 0) parts.push(bytes(progress.bytes_done));
  return parts.join(" · ");
}

/** What was scanned or copied while nobody knows yet how much there is. */
export const soFar = ({ phase, files_done }: Progress): string =>
  phase === "scanning" ? t.shares.entriesSoFar(files_done) : t.shares.filesSoFar(files_done);

function watching(share: ShareInfo, now: number): string {
  const change = share.last_change;
  if (!change) return t.shares.noChange(ago(share.state_since, now));
  return t.shares.lastChange(ago(change.at, now), change.latency_ms === null ? null : latency(change.latency_ms));
}

function syncing(share: ShareInfo): string {
  const { pending_to_guest: toGuest, pending_to_host: toHost } = share;
  const way = toGuest > 0 && toHost > 0 ? t.shares.bothWays : toHost > 0 ? t.shares.toHost : t.shares.toGuest;
  return t.shares.changesLeft(share.pending, way);
}

/** How far a share is, in whole percent of what there is to copy; `null` while that isn't known. */
export function percentOf(share: ShareInfo): number | null {
  const progress = share.progress;
  if (!progress) return null;
  const part = (done: number, total: number | null) => (total === null || total === 0 ? null : done / total);
  const parts = [part(progress.files_done, progress.files_total), part(progress.bytes_done, progress.bytes_total)];
  const known = parts.filter((value): value is number => value !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + Math.min(1, value), 0) / known.length;
  return Math.min(99, Math.floor(mean * 100));
}
