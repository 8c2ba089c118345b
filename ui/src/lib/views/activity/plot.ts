/** The geometry of plots, in pixels. */
export type Bar = { x: number; width: number; height: number };

/** The next of 1, 2, 5, 10, 20, … from `value` up, so that the axis has a round number. */
export function niceMax(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value - 1e-9) ?? 10 * power;
}

/** A bar for each value but zeros; one that is there is at least a pixel high. */
export function bars(values: number[], max: number, width: number, height: number): Bar[] {
  const step = width / Math.max(1, values.length);
  return values.flatMap((value, at) =>
    value > 0
      ? [{ x: at * step, width: Math.max(1, step - 2), height: Math.max(1, (Math.min(value, max) / max) * height) }]
      : [],
  );
}

/** Paths through the values that there are; a value that is missing interrupts. One alone is a short stroke. */
export function line(values: (number | null)[], max: number, width: number, height: number): string[] {
  const step = width / Math.max(1, values.length);
  const parts: string[] = [];
  let part = "";
  values.forEach((value, at) => {
    if (value === null) {
      if (part) parts.push(part);
      part = "";
      return;
    }
    const y = (height - (Math.min(value, max) / max) * (height - 2)).toFixed(1);
    const x = at * step;
    part += part ? `H${x.toFixed(1)}V${y}` : `M${x.toFixed(1)} ${y}`;
    part += `H${(x + step).toFixed(1)}`;
  });
  if (part) parts.push(part);
  return parts;
}
