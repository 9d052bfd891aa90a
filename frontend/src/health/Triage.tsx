import { Link } from "wouter";
import { Pages } from "../access/Pages";
import { usePages } from "../access/usePages";
import { FiguresAsOf } from "../components/AsOf";
import { type Call, triage } from "./ask";
import type { Place } from "./place";
import * as words from "./words";

/** How often what is shown is asked for again, in milliseconds; not while nobody looks. */
const AGAIN = 60_000;

/** Whom to call: each with the reason in a sentence, and what would help most. The worst first. */
export function Triage(props: { place: Place; seen: boolean }) {
  return (
    <section className="line" aria-labelledby="calls">
      <h2 id="calls">Whom to call</h2>
      <Calls {...props} />
    </section>
  );
}

function Calls({ place, seen }: { place: Place; seen: boolean }) {
  const list = usePages(["triage"], triage, seen ? AGAIN : null);
  return (
    <div className="stack wider">
      <Pages list={list} what="The calls" more="More to call">
        {(calls) =>
          calls.length === 0 ? (
            <p>Nobody needs a call now.</p>
          ) : (
            <ol className="calls">
              {calls.map((call) => (
                <One key={call.account} call={call} place={place} />
              ))}
            </ol>
          )
        }
      </Pages>
      {list.data ? (
        <p className="note">
          <FiguresAsOf
            lists={list.data.pages.map((page) => page.data)}
            looked={list.dataUpdatedAt}
          />
        </p>
      ) : null}
    </div>
  );
}

function One({ call, place }: { call: Call; place: Place }) {
  return (
    <li>
      <p className="whom">
        <Link
          href={place.to(call.account)}
          data-account={`call:${call.account}`}
          onClick={() => place.leave(`call:${call.account}`)}
        >
          <bdi>{call.name}</bdi>
        </Link>
        <span className="note">
          {call.account}, {words.plan(call.plan)}
        </span>
      </p>
      <p className="reason" dir="auto">
        {call.reason}
      </p>
      {call.helps_most ? (
        <p className="helps" dir="auto">
          <span className="note">Helps most: </span>
          {call.helps_most}
        </p>
      ) : null}
      <dl>
        <div>
          <dt>Health</dt>
          <dd className="big">{words.health(call.health)}</dd>
        </div>
      </dl>
    </li>
  );
}
