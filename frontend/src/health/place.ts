/** Where somebody was in the list when they opened a customer, to be there again when they return. */
import { type MouseEvent, useCallback, useMemo, useRef } from "react";
import { useLocation } from "wouter";

export interface Place {
  /** A customer's address, with the list's order and filters. */
  readonly to: (account: string, part?: string) => string;
  /** Notes where the window is, and by which link one leaves. */
  readonly leave: (link: string) => void;
  /** Follows a link of the list. One for all of them: a link of the router's each costs too much. */
  readonly open: (event: MouseEvent<HTMLAnchorElement>) => void;
  /** Goes there again; false when nobody was anywhere. */
  readonly restore: () => boolean;
}

export function usePlace(search: string): Place {
  const [, go] = useLocation();
  const left = useRef<{ y: number; link: string } | null>(null);
  const to = useCallback(
    (account: string, part = "") =>
      `/customers/${encodeURIComponent(account)}${part}${search === "" ? "" : `?${search}`}`,
    [search],
  );
  const leave = useCallback((link: string) => {
    left.current = { y: window.scrollY, link };
  }, []);
  return useMemo(
    () => ({
      to,
      leave,
      open: (event: MouseEvent<HTMLAnchorElement>) => {
        const { altKey, button, ctrlKey, currentTarget, metaKey, shiftKey } = event;
        if (button !== 0 || altKey || ctrlKey || metaKey || shiftKey) return;
        event.preventDefault();
        leave(currentTarget.dataset.account ?? "");
        go(currentTarget.getAttribute("href") ?? "");
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
    [to, leave, go],
  );
}
