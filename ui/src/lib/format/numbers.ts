/** Numbers as the window shows them: a narrow no-break space between thousands and before units, decimal units, three digits. */

const THIN = "\u202f";
const NBSP = "\u00a0";

/** 212 340 */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

/** 812 B, 4.2 KB, 112 KB, 2.31 GB */
export function bytes(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : unit >= 3 ? 2 : 1;
  return `${trim(value.toFixed(digits))}${NBSP}${UNITS[unit]}`;
}

/** 3.4 and not 3.40; 12 and not 12.0 */
function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Done of a total in the total's unit: 1.2 of 3.4 GB */
export function bytesOf(done: number, total: number): string {
  const [doneText = "", doneUnit] = bytes(done).split(NBSP);
  const totalText = bytes(total);
  return totalText.endsWith(`${NBSP}${doneUnit}`) ? `${doneText} of ${totalText}` : `${bytes(done)} of ${totalText}`;
}

/** 37 %; never 100 before all is done, nor 0 once something is. */
export function percent(done: number, total: number): string {
  return `${wholePercent(done, total)}${NBSP}%`;
}

export function wholePercent(done: number, total: number): number {
  if (total <= 0 || done >= total) return 100;
  return done > 0 ? Math.max(1, Math.floor((done / total) * 100)) : 0;
}

/** 1 entry, 2 entries */
export function plural(n: number, one: string, many: string): string {
  return `${count(n)}${NBSP}${n === 1 ? one : many}`;
}
