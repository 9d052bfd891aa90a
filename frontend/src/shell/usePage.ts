import { useEffect, useRef } from "react";

/**
 * A page's title, for the window and for who moves by keyboard or listens: arriving from another
 * page puts the focus on its heading, the first page of a visit leaves it where it is.
 */
export function usePage(title: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tenantry`;
    if (shown !== null && shown !== title) {
      heading.current?.focus();
      window.scrollTo(0, 0);
    }
    shown = title;
  }, [title]);
  return heading;
}

let shown: string | null = null;
