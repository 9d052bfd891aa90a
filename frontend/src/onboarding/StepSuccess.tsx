import { MOST_SIGNS } from "./draft";
import { TextField, useForm } from "./form";

export function StepSuccess(props: { add: () => void; remove: (index: number) => void }) {
  const { draft } = useForm();
  return (
    <>
      <p>
        Signs by which both sides will see whether it goes well. Customer success reads them with
        the request and hands them on. There may be none.
      </p>
      {Array.from({ length: draft.signs }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a sign is its place
        <fieldset className="group" key={index}>
          <legend>Sign {index + 1}</legend>
          <TextField
            at={`/success_criteria/${index}/text`}
            short="What is to be so"
            longest={200}
          />
          <div className="beside">
            <TextField at={`/success_criteria/${index}/by`} short="Until" type="date" />
            <button type="button" className="quiet" onClick={() => props.remove(index)}>
              Remove<span className="seen-by-readers-only"> sign {index + 1}</span>
            </button>
          </div>
        </fieldset>
      ))}
      <button
        type="button"
        className="quiet"
        onClick={props.add}
        disabled={draft.signs >= MOST_SIGNS}
      >
        Add a sign
      </button>
    </>
  );
}
