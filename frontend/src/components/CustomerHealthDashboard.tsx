import "../styles/health.css";
import { useLocation, useSearch } from "wouter";
import { Customer } from "../health/Customer";
import { Everyone } from "../health/Everyone";
import { type Place, usePlace } from "../health/place";
import { Triage } from "../health/Triage";
import { read, type View, write } from "../health/view";
import { usePage } from "../shell/usePage";

/**
 * Whom to call, then everyone; and one of them, if one is chosen. The lists stay as they are
 * meanwhile, out of sight.
 */
export default function CustomerHealthDashboard({ account }: { account: string | undefined }) {
  const [at, go] = useLocation();
  const view = read(useSearch());
  const search = write(view);
  const place = usePlace(search);
  const change = (wanted: View) => {
    const search = write(wanted);
    go(search === "" ? at : `${at}?${search}`, { replace: true });
  };
  return (
    <>
      <div hidden={account !== undefined}>
        <Overview seen={account === undefined} view={view} change={change} place={place} />
      </div>
      {account === undefined ? null : (
        <Customer
          key={account}
          id={account}
          back={search === "" ? "/customers" : `/customers?${search}`}
        />
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
