import { value } from "./draft";
import { NumberField, Select, TextField, useForm } from "./form";

/** Every zone that the browser knows; where it knows none, one is typed. */
function zones(): string[] {
  return typeof Intl.supportedValuesOf === "function"
    ? ["UTC", ...Intl.supportedValuesOf("timeZone")]
    : [];
}

export function StepBegin() {
  const { draft } = useForm();
  const all = zones();
  return (
    <>
      <TextField at="/go_live_date" type="date" hint="At most three years ahead." />
      {all.length > 0 ? (
        <Select
          at="/time_zone"
          hint="By its midnights you are billed. It never changes."
          options={[...new Set([value(draft, "/time_zone"), ...all])].map((zone) => ({
            value: zone,
            name: zone,
          }))}
        />
      ) : (
        <TextField
          at="/time_zone"
          hint="Such as America/Chicago. By its midnights you are billed."
        />
      )}
      <NumberField
        at="/anchor_day"
        hint="1 to 31; where a month is shorter, its last day. It never changes."
      />
    </>
  );
}
