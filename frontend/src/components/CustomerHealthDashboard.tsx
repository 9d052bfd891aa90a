import { Triage } from "../health/Triage";
import { usePage } from "../shell/usePage";

/** Whom to call, and why. */
export default function CustomerHealthDashboard() {
  const heading = usePage("Customers");
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          Customers
        </h1>
      </div>
      <Triage />
    </>
  );
}
