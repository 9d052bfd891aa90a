import { type RefObject, useCallback, useEffect, useLayoutEffect, useState } from "react";
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
  const look = useCallback(() => {
    const list = body.current;
    // Not while another page is shown instead.
    if (!list || list.offsetParent === null) return;
    const one = list.querySelector("tr[aria-rowindex]");
    const height = one?.getBoundingClientRect().height ?? 0;
    const next = shown(list.getBoundingClientRect().top, window.innerHeight, height, count);
    set((old) => {
      const same = old.row === height && old.at.from === next.from && old.at.to === next.to;
      return same ? old : { at: next, row: height };
    });
  }, [body, count]);
  useLayoutEffect(look, [look]);
  useEffect(() => {
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(look);
    };
    const options = { passive: true };
    window.addEventListener("scroll", soon, options);
    window.addEventListener("resize", soon, options);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
    };
  }, [look]);
  return { from: Math.min(at.from, count), to: Math.min(at.to, count), row };
}
