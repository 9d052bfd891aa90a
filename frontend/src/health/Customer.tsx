import { useEffect } from "react";
import { Link } from "wouter";
import { NotShown } from "../access/NotShown";
import { every, useAuthorised } from "../access/useAuthorised";
import { Failure } from "../api/problem";
import { FiguresAsOf } from "../components/AsOf";
import { day } from "../lib/day";
import { instant, isManifold, share, used } from "../lib/format";
import { sentence } from "../onboarding/form";
import { usePage } from "../shell/usePage";
import { AlertsPart } from "./AlertsPart";
import { CostPart } from "./CostPart";
import { HealthPart } from "./HealthPart";
import { type Account, account } from "./one";
import { StackPart } from "./StackPart";
import { UsePart } from "./UsePart";
import * as words from "./words";

/** How often a customer that is looked at is asked for again, in milliseconds. */
const AGAIN = 60_000;

/** One customer. `back`: the list as it was left; `brief`: where its brief is. */
export function Customer({ id, back, brief }: { id: string; back: string; brief: string }) {
  const asked = useAuthorised(["account", id], (signal) => account(id, signal), {
    refetchInterval: every(AGAIN),
  });
  const heading = usePage(id);
  const name = asked.data?.name;
  useEffect(() => {
    if (name !== undefined) document.title = `${name} · Tenantry`;
  }, [name]);
  const none = asked.error instanceof Failure && asked.error.status === 404;
  const again = () => void asked.refetch();
  return (
    <>
      <div className="letter">
        <p className="back">
          <Link href={back}>All customers</Link>
        </p>
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{name ?? id}</bdi>
        </h1>
        {asked.isPending ? <p role="status">The customer’s figures are on their way.</p> : null}
        {none ? (
          <p role="alert">
            <strong className="wrong">There is no customer {id} that your token may see.</strong>{" "}
            The name may be mistyped, or belong to somebody who was not taken on.
          </p>
        ) : asked.error ? (
          <NotShown
            what={asked.data ? "These figures are not renewed." : "The customer is not here."}
            error={asked.error}
            again={again}
          />
        ) : null}
        {asked.data && !none ? <Head account={asked.data} looked={asked.dataUpdatedAt} /> : null}
      </div>
      {asked.data && !none ? <Whole account={asked.data} brief={brief} /> : null}
    </>
  );
}

function Head({ account, looked }: { account: Account; looked: number }) {
  const { subscription, period } = account;
  return (
    <>
      <p className="note">
        {account.account}, {words.plan(subscription?.plan)}
        {subscription?.since ? ` since ${instant(subscription.since)}` : null}
        {subscription?.next && subscription.next_from
          ? `, ${subscription.next.key} from ${instant(subscription.next_from)}`
          : null}
        {subscription?.ends_at
          ? `. ${words.ends(subscription.ends_at, account.as_of.at, period.time_zone)}`
          : null}
        . Period to {instant(period.end, undefined, period.time_zone)}, by the clocks of{" "}
        {period.time_zone}
        {period.final_at ? "; its figures are final" : null}.
      </p>
      {account.flagged ? (
        <div className="whycall">
          <p>
            <strong className="wrong">Call.</strong> {account.reason}
          </p>
          {account.helps_most ? (
            <p>
              <span className="note">Helps most: </span>
              {account.helps_most}
            </p>
          ) : null}
        </div>
      ) : account.standing === "insufficient_data" ? (
        <p>Too little is known to say how well this customer does.</p>
      ) : (
        <p>Nobody needs to call now.</p>
      )}
      <p className="note">
        <FiguresAsOf lists={[[account]]} looked={looked} />
      </p>
    </>
  );
}

function Whole({ account, brief }: { account: Account; brief: string }) {
  return (
    <>
      <HealthPart account={account} />
      <UsePart account={account} />
      <CostPart account={account} />
      <AlertsPart id={account.account} />
      <Known account={account} />
      <StackPart id={account.account} at={account.request} brief={brief} />
    </>
  );
}

/** What was stated, with all its digits where they say something. */
function spent(budget: string): string {
  return isManifold(budget) ? used(budget) : share(budget);
}

/** What was stated about the customer, and how support answered. */
function Known({ account }: { account: Account }) {
  const { facts: stated, support_response_sla_hours: answers, subscription } = account;
  const facts = stated?.facts;
  const rows: [string, string | null][] = [
    [
      "Support answered in time",
      `${words.support(answers, subscription?.support_hours)} (${words.promise(answers, subscription?.support_hours)})`,
    ],
    ["Stage", facts?.stage ? sentence(facts.stage.replaceAll("_", " ")) : null],
    ["Goes live on", facts?.go_live_date ? day(facts.go_live_date) : null],
    [
      "Departments active",
      facts?.departments
        ? `${facts.departments.active}${facts.departments.planned == null ? "" : ` of ${facts.departments.planned} planned`}`
        : null,
    ],
    [
      "Signs of success",
      facts?.criteria ? `${facts.criteria.met} of ${facts.criteria.due} due` : null,
    ],
    [
      "Open incidents",
      facts?.open_incidents
        ? `${facts.open_incidents.sev1} of severity 1, ${facts.open_incidents.sev2} of severity 2`
        : null,
    ],
    ["Error budget used", facts?.error_budget_used ? spent(facts.error_budget_used) : null],
    [
      "Invoice overdue",
      facts?.days_overdue == null
        ? null
        : `${facts.days_overdue} ${facts.days_overdue === 1 ? "day" : "days"}`,
    ],
  ];
  return (
    <section className="line" aria-labelledby="known">
      <h2 id="known">What is known</h2>
      <div className="stack">
        <dl className="facts">
          {rows.map(([name, said]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{said ?? words.NOTHING}</dd>
            </div>
          ))}
        </dl>
        <p className="note">
          {stated
            ? `Stated on ${instant(stated.stated_at)} by ${stated.by}.`
            : "Nobody has stated anything yet, or your token may not see it."}
        </p>
      </div>
    </section>
  );
}
