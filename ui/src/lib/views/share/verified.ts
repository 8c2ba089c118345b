import type { Verifying } from "../../ipc/generated";

/** How far a verification is, in whole percent; `null` where nobody knows how much there is. Never 100 before its end. */
export function verifiedPercent(at: Verifying): number | null {
  const [done, total] = at.bytes_total > 0 ? [at.bytes_done, at.bytes_total] : [at.entries_done, at.entries_total];
  return total === 0 ? null : Math.min(99, Math.floor((done / total) * 100));
}
