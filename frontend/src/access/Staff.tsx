import { type ReactNode, Suspense } from "react";
import { SignIn } from "./SignIn";
import { useSession } from "./session";

/** What only those who are signed in see; it may be loaded when they are. */
export function Staff({ children }: { children: ReactNode }) {
  const { token } = useSession();
  if (token === null) return <SignIn />;
  return <Suspense fallback={<Coming />}>{children}</Suspense>;
}

function Coming() {
  return (
    <div className="letter">
      <h1 className="seen-by-readers-only">Customer success</h1>
      <p role="status">The page is on its way.</p>
    </div>
  );
}
