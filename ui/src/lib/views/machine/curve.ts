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
