/** Times as the window shows them: 4 s, 12 min, 5 h 20 min, 2 days. */

const NBSP = "\u00a0";
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something lasts: 4 s, 12 min, 5 h 20 min, 2 days. */
export function duration(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))}${NBSP}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}${NBSP}min`;
  if (ms < DAY) {
    const minutes = Math.floor((ms % HOUR) / MINUTE);
    const hours = `${Math.floor(ms / HOUR)}${NBSP}h`;
    return minutes > 0 ? `${hours} ${minutes}${NBSP}min` : hours;
  }
  const days = Math.floor(ms / DAY);
  return `${days}${NBSP}${days === 1 ? "day" : "days"}`;
}

/** How long something quick took: 6 ms, 1.9 s, 14 s. */
export function latency(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)}${NBSP}ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)}${NBSP}s`;
  return duration(ms);
}

/** How long a step took, beside steps that took longer: 0.1 s, 6.4 s, 14 s. */
export function tenths(ms: number): string {
  return ms < 10 * SECOND ? `${(ms / SECOND).toFixed(1)}${NBSP}s` : duration(ms);
}

/** Milliseconds from an RFC 3339 time to `now`, never negative: clocks differ a little. */
export function msSince(time: string, now: number): number {
  return Math.max(0, now - Date.parse(time));
}

/** 4 s ago, just now */
export function ago(time: string, now: number): string {
  const ms = msSince(time, now);
  if (ms < SECOND) return "just now";
  // Hours and minutes together are more than anyone wants of the past.
  return ms >= HOUR && ms < DAY ? `${Math.floor(ms / HOUR)}${NBSP}h ago` : `${duration(ms)} ago`;
}

const pad = (n: number) => n.toString().padStart(2, "0");

/** 14:31 */
export function clock(time: string): string {
  const at = new Date(time);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** 14:31:07 */
export function clockSeconds(time: string): string {
  return `${clock(time)}:${pad(new Date(time).getSeconds())}`;
}

/** .41 */
export function hundredths(time: string): string {
  return `.${pad(Math.floor(new Date(time).getMilliseconds() / 10))}`;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The day, where it isn't today: "", Tuesday, 3 Nov, 3 Nov 2025 */
export function day(time: string, now: number): string {
  const at = new Date(time);
  const today = new Date(now);
  if (at.toDateString() === today.toDateString()) return "";
  if (now - at.getTime() < 6 * DAY) return DAYS[at.getDay()] ?? "";
  const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === today.getFullYear() ? date : `${date} ${at.getFullYear()}`;
}

/** 14:20:11; Tuesday 14:20:11 */
export function moment(time: string, now: number): string {
  return `${day(time, now)} ${clockSeconds(time)}`.trim();
}

/** 14:20; Tuesday 14:20 */
export function momentShort(time: string, now: number): string {
  return `${day(time, now)} ${clock(time)}`.trim();
}

/** The exact time, for titles. */
export function exact(time: string): string {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "medium" });
}
