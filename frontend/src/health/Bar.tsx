/** How much of a quota is used, with marks at 80 and 95 %. Words beside it say it too. */
export function Bar({ ratio, level }: { ratio: string | null | undefined; level: string }) {
  const used = Math.min(Math.max(Number(ratio ?? 0), 0), 1) * 100;
  return (
    <svg className="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect className="whole" y="3" width="100" height="4" />
      <rect className="used" data-level={level} y="3" width={used} height="4" />
      <line className="mark" x1="80" x2="80" y1="0" y2="10" />
      <line className="mark" x1="95" x2="95" y1="0" y2="10" />
    </svg>
  );
}
