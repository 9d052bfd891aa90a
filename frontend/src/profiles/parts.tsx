import { NotShown } from "../access/NotShown";
import { isBesideNone } from "./place";

/** Why profiles are not shown: an installation without a cluster is no trouble. */
export function NotKnown(props: {
  what: string;
  old: boolean;
  query: { error: Error | null; refetch: () => unknown };
}) {
  const { error } = props.query;
  if (error === null) return null;
  if (isBesideNone(error)) {
    return (
      <div role="status" className="trouble">
        <p>
          <strong>This installation is beside no cluster.</strong> It keeps accounts and usage, and
          people make the stacks: so there are no profiles to show.
        </p>
        <p className="note">{error.message}</p>
      </div>
    );
  }
  return (
    <NotShown
      what={props.old ? "This may be old." : `The ${props.what} are not here.`}
      error={error}
      again={() => void props.query.refetch()}
    />
  );
}
