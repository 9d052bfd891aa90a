import type { ReactNode } from "react";
import { NotShown } from "./NotShown";
import type { Paged } from "./usePages";

/** A list that comes in pages: what there is of it, the way to more, and what is said where it does not come. */
export function Pages<Row>(props: {
  list: Paged<Row>;
  /** What they are, as a sentence begins: `The alerts`. */
  what: string;
  /** What the way to the next page is called. */
  more: string;
  children: (rows: readonly Row[]) => ReactNode;
}) {
  const { list, what, more } = props;
  if (list.isPending) return <p role="status">{what} are on their way.</p>;
  const rows = list.data?.pages.flatMap(({ data }) => data) ?? null;
  return (
    <>
      {list.error && !list.isFetchNextPageError ? (
        <NotShown
          what={rows ? "This list may be old." : `${what} are not here.`}
          error={list.error}
          again={() => void list.refetch()}
        />
      ) : null}
      {rows ? props.children(rows) : null}
      <More list={list} more={more} waits={list.isFetchingNextPage} />
    </>
  );
}

/** The end of such a list: the way to more, or why it leads nowhere now. */
export function More<Row>(props: {
  list: Paged<Row>;
  /** What the way is called. */
  more: string;
  /** Whether it cannot be gone yet. */
  waits: boolean;
}) {
  const { list, more, waits } = props;
  if (list.error && list.isFetchNextPageError) {
    return (
      <NotShown
        what="More is not here."
        error={list.error}
        again={() => void list.fetchNextPage()}
      />
    );
  }
  if (!list.hasNextPage) return null;
  return (
    <div>
      <button
        type="button"
        className="quiet"
        disabled={waits}
        onClick={() => void list.fetchNextPage()}
      >
        {list.isFetchingNextPage ? "More are on their way" : more}
      </button>
    </div>
  );
}
