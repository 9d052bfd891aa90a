import { useQuery } from "@tanstack/react-query";
import { plans } from "../api/client";
import { METERS, MOST_DEPARTMENTS, value } from "./draft";
import { Choice, NumberField, Select, TextArea, TextField, useForm } from "./form";

export function StepWork(props: { add: () => void; remove: (index: number) => void }) {
  const { draft } = useForm();
  return (
    <>
      <TextArea
        at="/use_case"
        longest={1000}
        hint="In your words: who does what today, and what is to be automated."
      />
      <Choice
        at="/purpose"
        options={[
          { value: "production", name: "To work with it" },
          { value: "evaluation", name: "To try it" },
        ]}
      />
      <fieldset className="group">
        <legend>Who saves time</legend>
        {Array.from({ length: draft.departments }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a department is its place
          <div className="beside" key={index}>
            <TextField at={`/departments/${index}/name`} longest={100} />
            <NumberField at={`/departments/${index}/people`} short="People" />
            {draft.departments > 1 ? (
              <button type="button" className="quiet" onClick={() => props.remove(index)}>
                Remove<span className="seen-by-readers-only"> department {index + 1}</span>
              </button>
            ) : null}
          </div>
        ))}
        <button
          type="button"
          className="quiet"
          onClick={props.add}
          disabled={draft.departments >= MOST_DEPARTMENTS}
        >
          Add a department
        </button>
      </fieldset>
      <fieldset className="group">
        <legend>Expected use in a month</legend>
        <p className="note">
          The likely figure. Plans are also compared with about a quarter less and half as much
          again. Leave empty what you will not use.
        </p>
        <div className="pairs">
          {METERS.map((meter) => (
            <NumberField key={meter} at={`/usage/${meter}/base`} />
          ))}
          <NumberField at="/voice_minutes" />
        </div>
      </fieldset>
      <Support />
    </>
  );
}

/** What the plans on sale promise, and that any will do. */
function Support() {
  const list = useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => plans(signal) });
  const hours = [...new Set(list.data?.plans.map((plan) => plan.support_hours))].sort(
    (a, b) => b - a,
  );
  const options = hours.map((h) => ({ value: String(h), name: `${h} h` }));
  const { draft } = useForm();
  const now = value(draft, "/support_hours");
  // The draft's own is there before the plans are, and when no plan promises it any longer.
  if (now !== "" && !hours.map(String).includes(now))
    options.push({ value: now, name: `${now} h` });
  return (
    <Select at="/support_hours" options={[{ value: "", name: "Any time will do" }, ...options]} />
  );
}
