import type { ReactNode } from "react";

/**
 * A table of the desk's. Roles are written out: on a phone its rows are laid out as blocks, and a
 * browser may then forget that they are rows. `children` are rows with roles of their own.
 */
export function Rows(props: { caption: string; heads: readonly string[]; children: ReactNode }) {
  return (
    <table className="rows" role="table">
      <caption className="seen-by-readers-only">{props.caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {props.heads.map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{props.children}</tbody>
    </table>
  );
}
