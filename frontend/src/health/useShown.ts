import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { type Shown, shown } from "./shown";

/** The rows of `body` to put into the page as the window scrolls, and how high one is. */
export function useShown(
  body: RefObject<HTMLTableSectionElement | null>,
  count: number,
): Shown & { readonly row: number } {
  const [{ at, row }, set] = useState<{ at: Shown; row: number }>({
    at: shown(0, 0, 0, count),
    row: 0,
  });
  // All are as high as one, until the window is another.
  const height = useRef(0);
  const look = useCallback(() => {
    const list = body.current;
    if (!list) return;
    const { top, width } = list.getBoundingClientRect();
    // Not while another page is shown instead.
    if (width === 0) return;
    if (height.current === 0) {
      const one = list.querySelector("tr[aria-rowindex]");
      height.current = one?.getBoundingClientRect().height ?? 0;
    }
    // As it is now: until React comes to it, the list may have grown and be measured anew.
    const row = height.current;
    const next = shown(top, window.innerHeight, row, count);
    set((old) => {
      const same = old.row === row && old.at.from === next.from && old.at.to === next.to;
      return same ? old : { at: next, row };
    });
  }, [body, count]);
  useLayoutEffect(look, [look]);
  useEffect(() => {
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(look);
    };
    const resized = () => {
      height.current = 0;
      soon();
    };
    window.addEventListener("scroll", soon, { passive: true });
    // Of the list, not of the window: text that is made larger makes rows higher too.
    const sizes = new ResizeObserver(resized);
    if (body.current) sizes.observe(body.current);
    window.addEventListener("resize", resized, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", resized);
    };
  }, [body, look]);
  return { from: Math.min(at.from, count), to: Math.min(at.to, count), row };
}
