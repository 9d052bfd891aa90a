/** Where somebody was in the list when they opened a customer, to be there again when they return. */
import { useCallback, useMemo, useRef } from "react";

export interface Place {
  /** A customer's address, with the list's order and filters. */
  readonly to: (account: string, part?: string) => string;
  /** Notes where the window is, and by which link one leaves. */
  readonly leave: (link: string) => void;
  /** Goes there again; false when nobody was anywhere. */
  readonly restore: () => boolean;
}

export function usePlace(search: string): Place {
  const left = useRef<{ y: number; link: string } | null>(null);
  const to = useCallback(
    (account: string, part = "") =>
      `/customers/${encodeURIComponent(account)}${part}${search === "" ? "" : `?${search}`}`,
    [search],
  );
  return useMemo(
    () => ({
      to,
      leave: (link: string) => {
        left.current = { y: window.scrollY, link };
      },
      restore: () => {
        if (left.current === null) return false;
        const { y, link } = left.current;
        left.current = null;
        window.scrollTo(0, y);
        const at = document.querySelector<HTMLElement>(`[data-account="${CSS.escape(link)}"]`);
        at?.focus({ preventScroll: true });
        return at !== null;
      },
    }),
    [to],
  );
}
