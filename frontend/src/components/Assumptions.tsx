import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { count, exact, money, share } from "../lib/format";

type Given = Schemas["AssumptionsOut"];

/** What a business case was worked out from, also what is usual where the customer said nothing. */
export function Assumptions({ given, who = false }: { given: Given; who?: boolean }) {
  const { realisation, ramp } = given;
  return (
    <>
      <h3>Worked out from</h3>
      <dl className="facts" aria-label="Assumptions">
        {who
          ? given.departments.map((one) => (
              <Fact key={one.name} name={<bdi>{one.name}</bdi>}>
                {saves(one)}
              </Fact>
            ))
          : null}
        <Fact name="Salary a year">{money(given.salary)}</Fact>
        <Fact name="On top of the salary">{share(given.burden)}</Fact>
        <Fact name="Hours that one works a year">{count(given.productive_hours)}</Fact>
        <Fact name="Saved time that becomes other work">
          {share(realisation.base)} ({share(realisation.low)} to {share(realisation.high)})
        </Fact>
        <Fact name="Written off as too hopeful">{share(given.risk)}</Fact>
        <Fact name="Of the benefit in the first years">
          {ramp.length === 0 ? "all of it" : ramp.map((part) => share(part)).join(", ")}
        </Fact>
        <Fact name="Errors avoided a year">{money(given.error_cost_avoided)}</Fact>
        {given.subscription ? (
          <Fact name="Subscription a year">{money(given.subscription)}</Fact>
        ) : null}
        <Fact name="Costs a year to run">{money(given.run_cost)}</Fact>
        <Fact name="Costs once">{money(given.one_off)}</Fact>
        <Fact name="Discount rate">{share(given.discount)}</Fact>
        <Fact name="Years looked ahead">{given.years}</Fact>
      </dl>
    </>
  );
}

/** Who of a department saves how much: `12 people, 4 h a week each (3 to 5), 46 weeks a year`. */
export function saves(one: Schemas["NamedDepartmentIn"]): string {
  const { people, hours_per_week: hours, weeks_per_year: weeks } = one;
  const [low, base, high] = [hours.low, hours.base, hours.high].map((text) => exact(text));
  const who = `${count(people)} ${people === 1 ? "person" : "people"}`;
  return `${who}, ${base} h a week each (${low} to ${high}), ${weeks} weeks a year`;
}

function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
