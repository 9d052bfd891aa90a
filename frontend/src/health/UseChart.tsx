import type { Schemas } from "../api/client";
import { percent, quantity } from "../lib/format";
import { meterName } from "../lib/price";
import type { Meter } from "./one";
import { type Picture, picture } from "./pace";
import { path } from "./points";

const [WIDTH, HEIGHT] = [640, 180];

/** Use of a period: by day, in all, where it will end, against 80, 95 and 100 % of the quota. */
export function UseChart(props: {
  period: Schemas["UsagePeriodOut"];
  meter: Meter;
  timeline: Schemas["Timeline"];
}) {
  const { period, meter, timeline } = props;
  const drawn = picture(period, meter, timeline);
  return (
    <figure className="use-chart">
      <figcaption>
        {meterName(meter.name)}, {meter.unit}: by day, and in all over the period
      </figcaption>
      <div className="plot">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={said(meter)}
        >
          <Drawing drawn={drawn} />
        </svg>
        {drawn.quota === null ? null : (
          <ol className="marks note" aria-hidden="true">
            {MARKS.filter((mark) => mark !== 0.8 || apart(drawn)).map((mark) => (
              <li
                key={mark}
                data-mark={mark}
                style={{ bottom: `${(drawn.quota ?? 0) * mark * (100 / drawn.most)}%` }}
              >
                {mark === 1 ? "quota" : percent(String(mark))}
              </li>
            ))}
          </ol>
        )}
      </div>
      <p className="ends note" aria-hidden="true">
        <span>{date(period.start, period.time_zone)}</span>
        <span>{date(period.end, period.time_zone)}</span>
      </p>
      <Legend drawn={drawn} />
    </figure>
  );
}

const MARKS = [0.8, 0.95, 1] as const;

/** Whether the words below the two marks stand clear of each other; the quota's stands above its line. */
function apart({ quota, most }: Picture): boolean {
  return ((quota ?? 0) * 0.15) / most > 0.075;
}

function date(at: string, timeZone: string): string {
  return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone }).format(
    new Date(at),
  );
}

/** What the picture shows, for who cannot see it. */
function said(meter: Meter): string {
  const { quota, projection, unit } = meter;
  const parts = [
    `${quantity(meter.used)} ${unit} used`,
    quota ? `of ${quantity(quota)} included` : "nothing included",
    projection
      ? `projected to end at ${quantity(projection.units)}, with 80% between ${quantity(projection.likely.low)} and ${quantity(projection.likely.high)}`
      : "too early to say where it will end",
  ];
  return `${parts.join(", ")}.`;
}

function Drawing({ drawn }: { drawn: Picture }) {
  const x = (day: number) => (day / drawn.days) * WIDTH;
  const y = (units: number) => HEIGHT - (Math.max(units, 0) / drawn.most) * HEIGHT;
  const last = drawn.sum.at(-1) ?? [0, 0];
  const [nowX, nowY] = [x(last[0]), y(last[1])];
  return (
    <>
      {drawn.bars.map((bar) => (
        <rect
          key={bar.from}
          className="day"
          x={x(bar.from) + 1}
          width={Math.max(x(bar.to) - x(bar.from) - 2, 1)}
          y={y(bar.units)}
          height={HEIGHT - y(bar.units)}
        />
      ))}
      {drawn.quota === null
        ? null
        : MARKS.map((mark) => (
            <line
              key={mark}
              className={mark === 1 ? "quota" : "mark"}
              x1="0"
              x2={WIDTH}
              y1={y((drawn.quota ?? 0) * mark)}
              y2={y((drawn.quota ?? 0) * mark)}
            />
          ))}
      {drawn.end ? (
        <>
          <path
            className="range"
            d={`M${nowX} ${nowY}L${WIDTH} ${y(drawn.end.low)}L${WIDTH} ${y(drawn.end.high)}Z`}
          />
          <path className="ahead" d={`M${nowX} ${nowY}L${WIDTH} ${y(drawn.end.mean)}`} />
        </>
      ) : null}
      <path className="sum" d={path(drawn.sum.map(([day, units]) => [x(day), y(units)]))} />
      <line className="foot" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
    </>
  );
}

function Legend({ drawn }: { drawn: Picture }) {
  return (
    <p className="note">
      Bars are days, the line is their sum
      {drawn.end ? "; dashed, where it will end, with the range that holds it with 80%" : null}.
    </p>
  );
}
