import { Failure } from "../api/problem";

/** What went wrong where something should stand, and the way on. */
export function Trouble(props: { what: string; error: Error; again: () => void }) {
  const id = props.error instanceof Failure ? props.error.requestId : null;
  return (
    <div role="alert" className="trouble">
      <p>
        <strong className="wrong">{props.what}</strong> {props.error.message}
      </p>
      {id ? <p className="note">When you ask for help, name the request {id}.</p> : null}
      <button type="button" className="quiet" onClick={props.again}>
        Try again
      </button>
    </div>
  );
}
