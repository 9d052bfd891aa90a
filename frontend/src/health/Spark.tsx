import { path, runs } from "./points";

const [WIDTH, HEIGHT] = [72, 18];

/** Health over weeks, from 0 at the foot to 1; the rule is where a flag goes up. Words say it too. */
export function Spark({ weeks }: { weeks: readonly (string | null)[] }) {
  const line = runs(
    weeks.map((one) => (one === null ? null : Number(one))),
    WIDTH - 4,
    HEIGHT - 4,
  );
  if (line.length === 0) return null;
  const flag = (HEIGHT - 4) * 0.25;
  return (
    <svg className="spark" viewBox={`-2 -2 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <line className="flag" x1="0" x2={WIDTH - 4} y1={flag} y2={flag} />
      {line.map((run) => {
        const [first] = run;
        if (!first) return null;
        const [x, y] = first;
        return run.length === 1 ? (
          <circle key={x} cx={x} cy={y} r="1.5" />
        ) : (
          <path key={x} d={path(run)} />
        );
      })}
    </svg>
  );
}
