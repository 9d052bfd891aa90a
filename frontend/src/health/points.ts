/** Lines over time as runs of points: where nothing is known the line is broken. */
export type Point = readonly [x: number, y: number];

export function runs(
  values: readonly (number | null)[],
  width: number,
  height: number,
  most = 1,
): Point[][] {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const all: Point[][] = [];
  let run: Point[] | null = null;
  values.forEach((value, index) => {
    if (value === null) {
      run = null;
      return;
    }
    const high = most > 0 ? Math.min(Math.max(value / most, 0), 1) : 0;
    const point: Point = [index * step, height - high * height];
    if (run === null) {
      run = [];
      all.push(run);
    }
    run.push(point);
  });
  return all;
}

/** For `d` of a path. */
export function path(run: readonly Point[]): string {
  return run
    .map(([x, y], index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

/** All runs as one path; a point that stands alone is a stroke as short as it is wide. */
export function marks(line: readonly (readonly Point[])[]): string {
  return line.map((run) => (run.length === 1 ? `${path(run)}h0.1` : path(run))).join("");
}
