import { type ReactNode, Suspense } from "react";
import { SignIn } from "./SignIn";
import { useSession } from "./session";

/** What only those who are signed in see; it may be loaded when they are. */
export function Staff({ children }: { children: ReactNode }) {
  const { token } = useSession();
  if (token === null) return <SignIn />;
  return <Suspense fallback={<p role="status">The page is on its way.</p>}>{children}</Suspense>;
}
