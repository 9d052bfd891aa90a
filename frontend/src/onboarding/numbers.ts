/** Numbers as people type them, as the API wants them. No arithmetic on fractions: texts move digits. */

/** Without the commas or spaces of thousands, where that is what they are; else as it was typed. */
export function plain(text: string): string {
  const typed = text.trim();
  const grouped = /^-?\d{1,3}([,\u0020\u00a0\u202f]\d{3})+(\.\d+)?$/.test(typed);
  return grouped ? typed.replaceAll(/[,\s\u00a0\u202f]/g, "") : typed;
}

/** A share of what was typed in percent: `12.5` is `0.125`. What is no number stays for the server. */
export function share(percent: string): string {
  const text = plain(percent).replace(/\s*%$/, "");
  const parts = /^(\d+)(?:\.(\d*))?$/.exec(text);
  if (!parts) return text;
  const whole = (parts[1] ?? "").padStart(3, "0");
  const digits = `${whole.slice(-2)}${parts[2] ?? ""}`.replace(/0+$/, "");
  const units = whole.slice(0, -2).replace(/^0+(?=\d)/, "");
  return digits === "" ? units : `${units}.${digits}`;
}

/** A whole number; `null` where it is none that is sure to arrive as it was typed. */
export function whole(text: string): number | null {
  const typed = plain(text);
  return /^\d{1,12}$/.test(typed) ? Number(typed) : null;
}

/** Twelve times an amount of money. */
export function yearly(amount: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount);
  if (!parts) return amount;
  const fraction = parts[3] ?? "";
  const minor = (BigInt(`${parts[2]}${fraction}`) * 12n).toString();
  const padded = minor.padStart(fraction.length + 1, "0");
  const units = padded.slice(0, padded.length - fraction.length);
  return `${parts[1]}${units}${fraction === "" ? "" : `.${padded.slice(-fraction.length)}`}`;
}
