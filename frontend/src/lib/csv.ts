/** Rows as CSV (RFC 4180) that a spreadsheet shows and never runs. */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Numbers as they are; every other text quoted, and led by an apostrophe where it would be run. */
function cell(text: string): string {
  if (/^-?\d+(\.\d+)?$/.test(text)) return text;
  const led = /^[\s]*[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text;
  return `"${led.replaceAll('"', '""')}"`;
}

/** Hands a file to the browser; led by the mark by which spreadsheets know UTF-8. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(
    new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }),
  );
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
