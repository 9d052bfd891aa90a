import type { CSSProperties } from "react";

/** How much of a quota is used, with marks at 80 and 95 %. Words beside it say it too. */
export function Bar({ ratio, level }: { ratio: string | null | undefined; level: string }) {
  const used = Math.min(Math.max(Number(ratio ?? 0), 0), 1) * 100;
  const style = { "--used": `${used}%` } as CSSProperties;
  // One element and no picture: a long list has one in each row.
  return <span className="bar" data-level={level} style={style} aria-hidden="true" />;
}
