/** The blanks of the letter: fields that know their pointer, their words and what is wrong with them. */
import { createContext, type ReactNode, use } from "react";
import type { FieldError } from "../api/problem";
import { type Draft, value } from "./draft";
import { label, unit } from "./labels";

export interface Form {
  readonly draft: Draft;
  readonly change: (at: string, text: string) => void;
  /** Somebody has left this field, so that what is wrong with it may be said. */
  readonly touch: (at: string) => void;
  readonly errorOf: (at: string) => FieldError | undefined;
}

const Context = createContext<Form | null>(null);
export const FormProvider = Context.Provider;

export function useForm(): Form {
  const form = use(Context);
  if (!form) throw new Error("no form around this field");
  return form;
}

function useField(at: string, hint: boolean) {
  const form = useForm();
  const error = form.errorOf(at);
  const about = [hint ? `${at}-hint` : "", error ? `${at}-error` : ""].filter((id) => id !== "");
  return {
    error,
    name: label(form.draft, at),
    unit: unit(form.draft, at),
    control: {
      id: at,
      name: at,
      value: value(form.draft, at),
      "aria-invalid": error ? true : undefined,
      "aria-describedby": about.length > 0 ? about.join(" ") : undefined,
      onBlur: () => form.touch(at),
    },
    set: (text: string) => form.change(at, text),
  };
}

interface Props {
  readonly at: string;
  readonly hint?: ReactNode;
  /** Where what is around the field already says what it is; readers still hear all of it. */
  readonly short?: string;
}

function Around(props: Props & { children: ReactNode; unit?: string }) {
  const { error, name } = useField(props.at, false);
  const { at, hint, short } = props;
  return (
    <div className="field" data-wrong={error ? true : undefined}>
      <label htmlFor={at}>
        {short ? (
          <>
            <span aria-hidden="true">{short}</span>
            <span className="seen-by-readers-only">{name}</span>
          </>
        ) : (
          name
        )}
      </label>
      {hint ? (
        <p className="note" id={`${at}-hint`}>
          {hint}
        </p>
      ) : null}
      <div className="blank">
        {props.children}
        {props.unit ? <span className="unit">{props.unit}</span> : null}
      </div>
      {error ? (
        <p className="wrong note" id={`${at}-error`}>
          {sentence(error.detail)}
        </p>
      ) : null}
    </div>
  );
}

/** What the server says reads on after a field's name: here it stands alone. */
export function sentence(detail: string): string {
  return detail.charAt(0).toUpperCase() + detail.slice(1);
}

export function TextField(
  props: Props & { type?: "text" | "email" | "date"; complete?: string; longest?: number },
) {
  const { control, set } = useField(props.at, props.hint !== undefined);
  return (
    <Around {...props}>
      <input
        {...control}
        dir="auto"
        type={props.type ?? "text"}
        autoComplete={props.complete ?? "off"}
        maxLength={props.longest}
        spellCheck={false}
        onChange={(event) => set(event.target.value)}
      />
    </Around>
  );
}

export function NumberField(props: Props) {
  const { control, set, unit } = useField(props.at, props.hint !== undefined);
  return (
    <Around {...props} unit={unit}>
      <input
        {...control}
        className="number"
        inputMode="decimal"
        autoComplete="off"
        onChange={(event) => set(event.target.value)}
      />
    </Around>
  );
}

export function TextArea(props: Props & { longest: number }) {
  const { control, set } = useField(props.at, props.hint !== undefined);
  return (
    <Around {...props}>
      <textarea
        {...control}
        dir="auto"
        rows={4}
        maxLength={props.longest}
        onChange={(event) => set(event.target.value)}
      />
    </Around>
  );
}

export interface Option {
  readonly value: string;
  readonly name: string;
}

export function Select(props: Props & { options: readonly Option[] }) {
  const { control, set } = useField(props.at, props.hint !== undefined);
  return (
    <Around {...props}>
      <select {...control} onChange={(event) => set(event.target.value)}>
        {props.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
    </Around>
  );
}

export function Choice({ at, options }: { at: string; options: readonly Option[] }) {
  const form = useForm();
  return (
    <fieldset className="choice">
      <legend>{label(form.draft, at)}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={at}
            id={option === options[0] ? at : undefined}
            checked={value(form.draft, at) === option.value}
            onChange={() => form.change(at, option.value)}
          />
          {option.name}
        </label>
      ))}
    </fieldset>
  );
}
