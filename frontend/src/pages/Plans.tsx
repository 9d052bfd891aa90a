import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { plans } from "../api/client";
import { PriceTable } from "../components/PriceTable";
import { Trouble } from "../components/Trouble";
import { instant } from "../lib/format";
import { usePage } from "../shell/usePage";

export function Plans() {
  const heading = usePage("Plans");
  return (
    <>
      <div className="letter">
        <h1 ref={heading} tabIndex={-1}>
          A plan, what is in it, and what more costs
        </h1>
        <p>
          Each plan is a base fee with use included. What goes beyond is billed by the unit, to the
          cent, and every line of a bill leads down to the events behind it.
        </p>
        <p>
          <Link className="action" href="/start">
            Find out what you would get and pay
          </Link>
        </p>
      </div>
      <section className="line" aria-labelledby="prices">
        <h2 id="prices">Price list</h2>
        <List />
      </section>
    </>
  );
}

function List() {
  const list = useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => plans(signal) });
  if (list.isPending) return <p role="status">The price list is on its way.</p>;
  if (list.isError) {
    return (
      <Trouble
        what="The price list is not here."
        error={list.error}
        again={() => void list.refetch()}
      />
    );
  }
  const { at, plans: all } = list.data;
  if (all.length === 0) {
    return <p>Nothing is on sale now. Whoever runs this installation sets its plans.</p>;
  }
  return (
    <div>
      <PriceTable plans={all} caption="Plans, their fees and what each unit costs" />
      <p className="note">On sale as of {instant(at)}. Billing periods are months.</p>
    </div>
  );
}
