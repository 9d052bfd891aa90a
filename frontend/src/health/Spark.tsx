import { marks, runs } from "./points";
import { course } from "./words";

const [WIDTH, HEIGHT] = [72, 18];

/** Health over weeks, from 0 at the foot to 1; the rule is where a flag goes up. */
export function Spark({ weeks }: { weeks: readonly (string | null)[] }) {
  const line = runs(
    weeks.map((one) => (one === null ? null : Number(one))),
    WIDTH - 4,
    HEIGHT - 4,
  );
  if (line.length === 0) return null;
  return (
    <svg
      className="spark"
      viewBox={`-2 -2 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={course(weeks)}
    >
      <path d={marks(line)} />
    </svg>
  );
}
