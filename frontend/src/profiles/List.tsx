import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { goesOn, useStaffKey, useSteady, worthwhile } from "../access/useAuthorised";
import { AsOf } from "../components/AsOf";
import { usePage } from "../shell/usePage";
import { type Profile, profiles } from "./ask";
import { NotKnown } from "./parts";
import { address } from "./place";
import { Rollout } from "./Rollout";
import { moves } from "./words";

/** How often profiles are looked at again, in milliseconds: while something moves, and while not. */
const AGAIN = { moving: 3_000, still: 30_000 };

/** All profiles, as the list and each profile's page ask for them. */
export function useProfiles() {
  const key = useStaffKey();
  const asked = useQuery({
    queryKey: [...key, "profiles"],
    queryFn: ({ signal }) => profiles(signal),
    refetchInterval: ({ state }) => {
      if (!goesOn(state.error)) return false;
      return state.data?.data.some(moves) ? AGAIN.moving : AGAIN.still;
    },
    retry: worthwhile,
  });
  return useSteady(asked);
}

export function List() {
  const heading = usePage("Profiles");
  const list = useProfiles();
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          Profiles
        </h1>
        <p>
          What tenants’ stacks are made of. A change of a profile becomes a revision, and reaches
          its tenants a few at a time.
        </p>
        {list.error ? (
          <NotKnown what="profiles" old={list.data !== undefined} query={list} />
        ) : null}
        {list.isPending ? <p role="status">The profiles are on their way.</p> : null}
        {list.data?.data.length === 0 ? (
          <p role="status">
            The cluster has no profiles yet. They come with the chart, or by kubectl apply.
          </p>
        ) : null}
      </div>
      {list.data?.data.map((profile) => (
        <Line key={profile.name} profile={profile} />
      ))}
      {list.data ? (
        <div className="letter last">
          <AsOf at={list.dataUpdatedAt} lost={list.data.lost_since} />
        </div>
      ) : null}
    </>
  );
}

function Line({ profile }: { profile: Profile }) {
  const { name, content } = profile;
  return (
    <section className="line" aria-labelledby={`profile-${name}`}>
      <div>
        <h2 id={`profile-${name}`}>
          <Link href={address(name, { revision: null, stage: null })}>{name}</Link>
        </h2>
        {content ? <p className="note">tier {content.tier}</p> : null}
      </div>
      <div className="desk">
        <Rollout profile={profile} />
        {content ? (
          <p className="note">
            {content.services.map(({ name: service }) => service).join(", ")}
            {content.overlays.length > 0 ? ` · overlays: ${content.overlays.join(", ")}` : null}
            {content.default_plan ? ` · plan unless named: ${content.default_plan}` : null}
          </p>
        ) : null}
      </div>
    </section>
  );
}
