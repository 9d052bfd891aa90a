import type { ReactNode } from "react";
import { Link, useRoute } from "wouter";
import { ThemeChoice } from "./ThemeChoice";

const PLACES: readonly { path: string; name: string }[] = [
  { path: "/", name: "Plans" },
  { path: "/start/:step?", name: "Find yours" },
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

function Place({ path, name }: { path: string; name: string }) {
  const [here] = useRoute(path);
  return (
    <Link href={path.replace("/:step?", "")} aria-current={here ? "page" : undefined}>
      {name}
    </Link>
  );
}
