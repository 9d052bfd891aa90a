import { Failure } from "../api/problem";
import { Trouble } from "../components/Trouble";
import { signOut } from "./session";

/**
 * Why something is not shown to who is signed in: when the token does not reach so far, which scope
 * or role it lacks, else what went wrong.
 */
export function NotShown(props: { what: string; error: Error; again: () => void }) {
  const { error } = props;
  if (!(error instanceof Failure && error.status === 403)) return <Trouble {...props} />;
  return (
    <div role="alert" className="trouble">
      <p>
        <strong className="wrong">Your token does not reach this.</strong> {error.message}
      </p>
      {error.requestId ? (
        <p className="note">When you ask for help, name the request {error.requestId}.</p>
      ) : null}
      <button type="button" className="quiet" onClick={signOut}>
        Use another token
      </button>
    </div>
  );
}
