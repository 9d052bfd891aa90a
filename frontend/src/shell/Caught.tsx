import { Component, type ReactNode } from "react";
import { useLocation } from "wouter";

/**
 * What is shown instead of a page that cannot be: a part that an upgrade has renamed, or a fault of
 * ours. The way to other pages stays, and leads to them.
 */
export function Caught({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  return <Boundary key={path.split("/")[1]}>{children}</Boundary>;
}

class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="letter" role="alert">
        <h1>This page could not be shown</h1>
        <p>It may be from before the server was renewed. What is kept in this tab stays.</p>
        <div>
          <button type="button" className="action" onClick={() => window.location.reload()}>
            Load it anew
          </button>
        </div>
      </div>
    );
  }
}
