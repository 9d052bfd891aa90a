import { useEffect, useRef } from "react";

/**
 * A page's title, for the window and for who moves by keyboard or listens: arriving from another
 * page puts the focus on its heading, the first page of a visit leaves it where it is. Null while
 * another page is shown instead. `back` may take who returns to where they were; it says whether it
 * has.
 */
export function usePage(title: string | null, back?: () => boolean) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (title === null) return;
    document.title = `${title} · Tenantry`;
    if (shown !== null && shown !== title && !back?.()) {
      heading.current?.focus();
      window.scrollTo(0, 0);
    }
    shown = title;
  }, [title, back]);
  return heading;
}

let shown: string | null = null;
