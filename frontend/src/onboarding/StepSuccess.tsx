import { MOST_SIGNS } from "./draft";
import { TextField, useForm } from "./form";
import { caseText } from "./wire";

const LONGEST = 1000;

export function StepSuccess(props: { add: () => void; remove: (index: number) => void }) {
  const { draft } = useForm();
  const left = LONGEST - caseText(draft).length;
  return (
    <>
      <p>
        Signs by which both sides will see whether it goes well. They go to customer success with
        the use case, as lines of it. There may be none.
      </p>
      {Array.from({ length: draft.signs }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a sign is its place
        <fieldset className="group" key={index}>
          <legend>Sign {index + 1}</legend>
          <TextField at={`/signs/${index}/what`} short="What is to be so" longest={200} />
          <div className="beside">
            <TextField at={`/signs/${index}/by`} short="Until" type="date" />
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
      {left < 200 ? (
        <p className={left < 0 ? "wrong note" : "note"}>
          {left < 0
            ? `Use case and signs have ${-left} characters too many: make them shorter.`
            : `Use case and signs have room for ${left} more characters.`}
        </p>
      ) : null}
    </>
  );
}
