import { value } from "./draft";
import { TextField, useForm } from "./form";

export function StepYou() {
  const { draft } = useForm();
  const tenant = value(draft, "/tenant") || "…";
  return (
    <>
      <TextField at="/display_name" complete="organization" longest={100} />
      <TextField
        at="/tenant"
        longest={40}
        hint={
          <>
            Small letters, digits and hyphens. It is your account’s id, and your stack stands in the
            namespace tenant-{tenant}. It never changes.
          </>
        }
      />
      <TextField at="/contact/name" complete="name" longest={100} hint="A person or a team." />
      <TextField
        at="/contact/email"
        type="email"
        complete="email"
        longest={254}
        hint="Customer success writes there about this request."
      />
    </>
  );
}
