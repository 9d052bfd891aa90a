import "../styles/health.css";
import { useRef } from "react";
import { useLocation, useSearch } from "wouter";
import { Brief } from "../health/Brief";
import { Customer } from "../health/Customer";
import { Everyone } from "../health/Everyone";
import { type Place, usePlace } from "../health/place";
import { Triage } from "../health/Triage";
import { read, type View, write } from "../health/view";
import { NotFound } from "../pages/NotFound";
import { usePage } from "../shell/usePage";

/**
 * Whom to call, then everyone; and one of them, if one is chosen. The lists stay as they are
 * meanwhile, out of sight.
 */
export default function CustomerHealthDashboard(props: {
  account: string | undefined;
  part: string | undefined;
}) {
  const { account, part } = props;
  const [at, go] = useLocation();
  const view = read(useSearch());
  const search = write(view);
  const place = usePlace(search);
  // Who comes to one customer does not ask for all, and may not be allowed to.
  const listed = useRef(false);
  if (account === undefined) listed.current = true;
  const change = (wanted: View) => {
    const search = write(wanted);
    go(search === "" ? at : `${at}?${search}`, { replace: true });
  };
  return (
    <>
      {listed.current ? (
        <div hidden={account !== undefined}>
          <Overview seen={account === undefined} view={view} change={change} place={place} />
        </div>
      ) : null}
      {account === undefined ? null : part === undefined ? (
        <Customer
          key={account}
          id={account}
          back={search === "" ? "/customers" : `/customers?${search}`}
          brief={place.to(account, "/brief")}
        />
      ) : part === "brief" ? (
        <Brief key={account} id={account} back={place.to(account)} />
      ) : (
        <NotFound />
      )}
    </>
  );
}

function Overview(props: {
  seen: boolean;
  view: View;
  change: (view: View) => void;
  place: Place;
}) {
  const heading = usePage(props.seen ? "Customers" : null, props.place.restore);
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          Customers
        </h1>
      </div>
      <Triage place={props.place} seen={props.seen} />
      <Everyone {...props} />
    </>
  );
}
