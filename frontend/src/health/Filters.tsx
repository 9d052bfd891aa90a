import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { plans } from "../api/client";
import { isFiltered, LEVELS, SORTS, type Sort, searched, USUAL, type View } from "./view";
import * as words from "./words";

const ORDERS: Record<Sort, [up: string, down: string]> = {
  health: ["Lowest health first", "Highest health first"],
  account: ["Ids from a", "Ids from z"],
  ratio: ["Least used first", "Most used first"],
  projected_cost: ["Lowest cost first", "Highest cost first"],
  support: ["Support late most often first", "Support in time first"],
};

/** What of everyone is shown, in which order. */
export function Filters({ view, change }: { view: View; change: (view: View) => void }) {
  const list = useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => plans(signal) });
  const keys = list.data?.plans.map((plan) => plan.key) ?? [];
  // One that is no longer on sale stays chosen.
  const known = view.plan === null || view.plan === "none" || keys.includes(view.plan);
  const flagged = view.flagged === null ? "" : String(view.flagged);
  return (
    <form className="filters" aria-label="Which customers" onSubmit={(e) => e.preventDefault()}>
      <Search name={view.name} choose={(name) => change({ ...view, name })} />
      <Choice
        id="flagged"
        name="Flag"
        value={flagged}
        choose={(value) => change({ ...view, flagged: value === "" ? null : value === "true" })}
      >
        <option value="">Any</option>
        <option value="true">To call</option>
        <option value="false">Not to call</option>
      </Choice>
      <Choice
        id="level"
        name="Level"
        value={view.level ?? ""}
        choose={(value) =>
          change({ ...view, level: LEVELS.find((level) => level === value) ?? null })
        }
      >
        <option value="">Any</option>
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {words.level(level) ?? "Below the marks"}
          </option>
        ))}
      </Choice>
      <Choice
        id="plan"
        name="Plan"
        value={view.plan ?? ""}
        choose={(value) => change({ ...view, plan: value === "" ? null : value })}
      >
        <option value="">Any</option>
        {[...keys, ...(known || view.plan === null ? [] : [view.plan])].map((key) => (
          <option key={key} value={key}>
            {key}
          </option>
        ))}
        <option value="none">None</option>
      </Choice>
      <Choice
        id="order"
        name="Order"
        value={`${view.sort} ${view.descending}`}
        choose={(value) => {
          const [sort, descending] = value.split(" ");
          const found = SORTS.find((one) => one === sort);
          if (found) change({ ...view, sort: found, descending: descending === "true" });
        }}
      >
        {SORTS.flatMap((sort) =>
          [false, true].map((descending) => (
            <option key={`${sort} ${descending}`} value={`${sort} ${descending}`}>
              {ORDERS[sort][descending ? 1 : 0]}
            </option>
          )),
        )}
      </Choice>
      {isFiltered(view) ? (
        <button
          type="button"
          className="plain"
          onClick={() => change({ ...USUAL, sort: view.sort, descending: view.descending })}
        >
          Show everyone
        </button>
      ) : null}
    </form>
  );
}

/** How long somebody pauses before what they typed is looked for, in milliseconds. */
const PAUSE = 250;

/** Whose name or id begins with what is typed. */
function Search(props: { name: string | null; choose: (name: string | null) => void }) {
  const { name, choose } = props;
  const [typed, setTyped] = useState(name ?? "");
  const [known, setKnown] = useState(name);
  const wanted = searched(typed);
  if (name !== known) {
    setKnown(name);
    // Somebody went back, or wants everyone again.
    if (name !== wanted) setTyped(name ?? "");
  }
  useEffect(() => {
    if (wanted === name) return;
    const timer = setTimeout(() => choose(wanted), PAUSE);
    return () => clearTimeout(timer);
  }, [wanted, name, choose]);
  return (
    <div className="field">
      <label htmlFor="name">Name begins with</label>
      <input
        id="name"
        type="search"
        maxLength={100}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}

function Choice(props: {
  id: string;
  name: string;
  value: string;
  choose: (value: string) => void;
  children: ReactNode;
}) {
  return (
    <div className="field">
      <label htmlFor={props.id}>{props.name}</label>
      <select
        id={props.id}
        value={props.value}
        onChange={(event) => props.choose(event.target.value)}
      >
        {props.children}
      </select>
    </div>
  );
}
