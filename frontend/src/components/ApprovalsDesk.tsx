import { useRoute, useSearch } from "wouter";
import { List } from "../approvals/List";
import { One } from "../approvals/One";
import { filterOf } from "../approvals/place";
import "../styles/desk.css";

/** Requests to be taken on: who waits, what they want, and the decision. */
export default function ApprovalsDesk() {
  const [, params] = useRoute("/approvals/:id");
  const filter = filterOf(useSearch());
  const id = params?.id;
  return id ? <One key={id} id={id} filter={filter} /> : <List filter={filter} />;
}
