import type { ReactNode } from "react";
import { Link, useRoute } from "wouter";
import { signOut, useSession } from "../access/session";
import { ROUTES } from "../routes";
import { ThemeChoice } from "./ThemeChoice";

const PLACES: readonly { path: string; name: string }[] = [
  { path: ROUTES.plans, name: "Plans" },
  { path: ROUTES.start, name: "Find yours" },
];

/** For those who look after customers. */
const STAFF_PLACES: readonly { path: string; name: string }[] = [
  { path: ROUTES.customers, name: "Customers" },
  { path: ROUTES.approvals, name: "Approvals" },
  { path: ROUTES.profiles, name: "Profiles" },
];

export function Shell({ children }: { children: ReactNode }) {
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="head">
        <Link className="name" href="/">
          Tenantry
        </Link>
        <nav aria-label="Pages">
          {PLACES.map((place) => (
            <Place key={place.path} {...place} />
          ))}
          <a href="/docs/">API</a>
        </nav>
        <Inside />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <footer className="foot">
        <span>Everything here comes from this installation; no other host is asked.</span>
        <ThemeChoice />
      </footer>
    </div>
  );
}

/** The way to what a token opens, and out of it. */
function Inside() {
  const { token } = useSession();
  const places = token === null ? [{ path: "/customers", name: "Sign in" }] : STAFF_PLACES;
  return (
    <nav className="inside" aria-label="Customer success">
      {places.map((place) => (
        <Place key={place.path} {...place} />
      ))}
      {token === null ? null : (
        <button type="button" className="plain" onClick={signOut}>
          Sign out
        </button>
      )}
    </nav>
  );
}

function Place({ path, name }: { path: string; name: string }) {
  const [here] = useRoute(path);
  return (
    <Link href={path.replace(/\/:.*$/, "")} aria-current={here ? "page" : undefined}>
      {name}
    </Link>
  );
}
