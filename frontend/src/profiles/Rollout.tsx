import { Link } from "wouter";
import type { Profile } from "./ask";
import { address } from "./place";
import { parts, remedy, rollout, STAGE } from "./words";

/** How far the newest revision is: a sentence, a bar of who is where, and why it does not go on. */
export function Rollout({ profile }: { profile: Profile }) {
  const { missing, rollout: how, tenants } = profile;
  const wrong = missing || how?.phase === "halted" || tenants.failed > 0;
  const next = remedy(profile);
  return (
    <div className="stack">
      <p className={wrong ? "wrong" : undefined}>
        <strong>{rollout(profile)}</strong>
      </p>
      <Bar profile={profile} />
      {how?.phase === "halted" && how.message ? (
        <p>
          The operator says: <bdi>{how.message}</bdi>
        </p>
      ) : null}
      {next ? <p>{next}</p> : null}
    </div>
  );
}

function Bar({ profile }: { profile: Profile }) {
  const { name, tenants } = profile;
  const all = parts(profile);
  if (all.length === 0) return null;
  let from = 0;
  const drawn = all.map(({ stage, count }) => {
    const width = (count / tenants.total) * 100;
    const place = { stage, from, width };
    from += width;
    return place;
  });
  return (
    <div className="progress">
      <svg aria-hidden="true" viewBox="0 0 100 4" preserveAspectRatio="none">
        {drawn.map(({ stage, from: x, width }) => (
          <rect key={stage} data-stage={stage} x={x} width={width} height="4" />
        ))}
      </svg>
      <ul className="key">
        {all.map(({ stage, count }) => (
          <li key={stage} data-stage={stage}>
            <Link href={address(name, { revision: null, stage })}>
              {count} {STAGE[stage]}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
