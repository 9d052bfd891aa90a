import { Link } from "wouter";
import { usePage } from "../shell/usePage";

export function NotFound() {
  const heading = usePage("Nothing here");
  return (
    <div className="letter">
      <h1 ref={heading} tabIndex={-1}>
        There is no such page
      </h1>
      <p>
        The address may be mistyped, or from an older version. <Link href="/">See the plans</Link>.
      </p>
    </div>
  );
}
