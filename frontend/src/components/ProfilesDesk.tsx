import { useRoute, useSearch } from "wouter";
import { List } from "../profiles/List";
import { One } from "../profiles/One";
import { shownOf } from "../profiles/place";
import "../styles/desk.css";

/** Profiles: what stacks are made of, who runs which revision, how far a change is. */
export default function ProfilesDesk() {
  const [, params] = useRoute("/stacks/:name");
  const shown = shownOf(useSearch());
  const name = params?.name;
  return name ? <One key={name} name={name} shown={shown} /> : <List />;
}
