import { type FormEvent, useEffect, useRef, useState } from "react";
import { usePage } from "../shell/usePage";
import { read, signIn, useSession } from "./session";

/** Asks for a token. The field is not React's, which would write what is typed into an attribute. */
export function SignIn() {
  const heading = usePage("Sign in");
  const { refused } = useSession();
  const field = useRef<HTMLInputElement>(null);
  const keep = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (refused) field.current?.focus();
  }, [refused]);
  const enter = (event: FormEvent) => {
    event.preventDefault();
    const token = read(field.current?.value ?? "");
    if (token === null) {
      setWrong("A token is one word, without spaces, commas or accents. Paste all of it.");
      field.current?.focus();
    } else {
      signIn(token, keep.current?.checked ?? false);
    }
  };
  return (
    <form className="letter" onSubmit={enter} noValidate>
      <h1 ref={heading} tabIndex={-1}>
        Sign in
      </h1>
      {refused ? (
        <p role="alert">
          <strong className="wrong">The server no longer takes that token.</strong> It has expired,
          or was never for this installation. It is forgotten here; give another one to go on where
          you were.
        </p>
      ) : (
        <p>
          These pages are for those who look after customers. They show what your token may see, and
          nothing else.
        </p>
      )}
      <div className="field" data-wrong={wrong ? true : undefined}>
        <label htmlFor="token">Token</label>
        <p className="note" id="token-hint">
          A bearer token of your identity provider, for the audience “billing”.
        </p>
        <div className="blank">
          <input
            id="token"
            ref={field}
            type={shown ? "text" : "password"}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={wrong ? true : undefined}
            aria-describedby={wrong ? "token-hint token-error" : "token-hint"}
          />
          <button type="button" className="quiet" onClick={() => setShown(!shown)}>
            {shown ? "Hide" : "Show"}
            <span className="seen-by-readers-only"> the token</span>
          </button>
        </div>
        {wrong ? (
          <p className="wrong note" id="token-error" role="alert">
            {wrong}
          </p>
        ) : null}
      </div>
      <label className="tick">
        <input type="checkbox" ref={keep} />
        <span>
          Keep it until this tab is closed
          <small>Otherwise it is forgotten when the page is reloaded.</small>
        </span>
      </label>
      <div>
        <button type="submit" className="action">
          Sign in
        </button>
      </div>
      <details className="note">
        <summary>Where does a token come from?</summary>
        <p>
          From the identity provider that this installation trusts. An installation for trying out
          makes one itself:
        </p>
        <pre>
          <code>
            api-server token --development-secret-file FILE --audience billing --role
            CustomerSuccessManager --scope billing:read --scope onboarding:approve
          </code>
        </pre>
      </details>
    </form>
  );
}
