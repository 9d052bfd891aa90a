import { value, years } from "./draft";
import { NumberField, TextField, useForm } from "./form";

const ESTIMATES = [
  ["low", "Cautious"],
  ["base", "Likely"],
  ["high", "Hopeful"],
] as const;

export function StepSavings() {
  const { draft } = useForm();
  return (
    <>
      <p>
        Every figure here is an assumption of yours. The answer beside it follows from them and from
        the plan’s price, and from nothing else.
      </p>
      {Array.from({ length: draft.departments }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a department is its place
        <fieldset className="group" key={index}>
          <legend>
            {value(draft, `/departments/${index}/name`).trim() || `Department ${index + 1}`}: hours
            that one person saves in a week
          </legend>
          <div className="pairs four">
            {ESTIMATES.map(([name, word]) => (
              <NumberField
                key={name}
                at={`/departments/${index}/hours_per_week/${name}`}
                short={word}
              />
            ))}
            <NumberField at={`/departments/${index}/weeks_per_year`} short="Weeks a year" />
          </div>
        </fieldset>
      ))}
      <fieldset className="group">
        <legend>What an hour is worth</legend>
        <div className="pairs">
          <TextField at="/currency" longest={3} />
          <NumberField at="/roi/salary/amount" />
          <NumberField at="/roi/burden" hint="What an employer pays beside it." />
          <NumberField at="/roi/productive_hours" />
        </div>
      </fieldset>
      <fieldset className="group">
        <legend>How much of saved time becomes other work</legend>
        <div className="pairs">
          {ESTIMATES.map(([name, word]) => (
            <NumberField key={name} at={`/roi/realisation/${name}`} short={word} />
          ))}
          <NumberField at="/roi/risk" hint="Taken off every estimate." />
        </div>
      </fieldset>
      <fieldset className="group">
        <legend>Over time</legend>
        <div className="pairs">
          <NumberField at="/roi/years" />
          <NumberField at="/roi/discount" />
          {Array.from({ length: years(draft) }, (_, year) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a year is its place
            <NumberField key={year} at={`/roi/ramp/${year}`} />
          ))}
        </div>
      </fieldset>
      <fieldset className="group">
        <legend>Beside the subscription</legend>
        <div className="pairs">
          <NumberField at="/roi/one_off/amount" hint="Setting up, training, moving data." />
          <NumberField at="/roi/run_cost/amount" hint="Your own people and machines." />
          <NumberField
            at="/roi/error_cost_avoided/amount"
            hint="What mistakes cost that will not happen."
          />
        </div>
      </fieldset>
    </>
  );
}
