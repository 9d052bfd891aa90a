import type { ReactNode } from "react";

/** The head of a column: its name, and what stands below it where that is laid out in a way of its own. */
export type Head = string | readonly [name: string, kind: "words" | "number"];

/**
 * A table. Roles are written out: on a phone its rows are laid out as blocks, and a browser may then
 * forget that they are rows. `children` are rows with roles of their own.
 */
export function Rows(props: {
  caption: string;
  heads: readonly Head[];
  /** `listing`: of figures that are compared; else of the desk's. */
  look?: "rows" | "listing";
  children: ReactNode;
}) {
  const { caption, heads, look = "rows" } = props;
  return (
    <table className={look} role="table">
      <caption className="seen-by-readers-only">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {heads.map((head) => {
            const [name, kind] = typeof head === "string" ? [head, undefined] : head;
            return (
              <th key={name} role="columnheader" scope="col" className={kind}>
                {name}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody role="rowgroup">{props.children}</tbody>
    </table>
  );
}
