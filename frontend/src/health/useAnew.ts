import { useEffect, useRef } from "react";

/**
 * Asks a question again when `row` of the ledger is another. The question stays the same one, so that what it was
 * answered before stays too, until the new answer is there and where none comes.
 */
export function useAnew(row: number, refetch: () => unknown): void {
  const seen = useRef(row);
  useEffect(() => {
    if (seen.current === row) return;
    seen.current = row;
    refetch();
  }, [row, refetch]);
}
