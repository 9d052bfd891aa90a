/** A decimal as the API writes it: a text, so that no digit is lost. */
export type Decimal = string;

export interface Money {
  readonly amount: Decimal;
  readonly currency: string;
}

/** The language of who looks. */
function language(): readonly string[] | undefined {
  return typeof navigator === "undefined" ? undefined : navigator.languages;
}

// The types know texts as numbers only; the platform formats them digit by digit.
function digits(text: Decimal): number {
  return text as unknown as number;
}

/** Making one takes longer than using it a hundred times, and long lists use them for every row. */
function kept<Options, Format>(
  make: (locales: string[] | undefined, options: Options) => Format,
): (locales: readonly string[] | undefined, options: Options) => Format {
  const formats = new Map<string, Format>();
  return (locales, options) => {
    const key = JSON.stringify([locales, options]);
    const known = formats.get(key);
    if (known) return known;
    const made = make(locales as string[] | undefined, options);
    formats.set(key, made);
    return made;
  };
}

const numbers = kept(
  (locales, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locales, options),
);
const dates = kept(
  (locales, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locales, options),
);

/** `USD 1,049.00`. */
export function money({ amount, currency }: Money, locales = language()): string {
  return numbers(locales, {
    style: "currency",
    currency,
    currencyDisplay: "code",
  }).format(digits(amount));
}

/** `USD 1,049`: where cents say nothing. */
export function round(of: Money, locales = language()): string {
  return numbers(locales, {
    style: "currency",
    currency: of.currency,
    currencyDisplay: "code",
    maximumFractionDigits: 0,
  }).format(digits(of.amount));
}

/** A price of one unit, with all the places that it has: `USD 0.0006`, `USD 0.30`, `JPY 4.5`. */
export function price({ amount, currency }: Money, locales = language()): string {
  return numbers(locales, {
    style: "currency",
    currency,
    currencyDisplay: "code",
    maximumFractionDigits: 12,
  }).format(digits(amount));
}

/**
 * A quantity to read: `82,077.55`. What is below a hundredth keeps two digits, so that a little is
 * never said to be nothing.
 */
export function quantity(text: Decimal, locales = language()): string {
  return numbers(locales, {
    maximumFractionDigits: 2,
    maximumSignificantDigits: 2,
    roundingPriority: "morePrecision",
  }).format(digits(text));
}

/** A quantity with every digit: what somebody gave, a price list, a row of the ledger. */
export function exact(text: Decimal, locales = language()): string {
  return numbers(locales, { maximumFractionDigits: 12 }).format(digits(text));
}

/** Whole things: `10,000`. */
export function count(of: number, locales = language()): string {
  return numbers(locales, { maximumFractionDigits: 0 }).format(of);
}

/** How much is needed at least, never told as less: `0.36`. */
export function atLeast(text: Decimal, locales = language()): string {
  const options = { maximumFractionDigits: 2, roundingMode: "ceil" } as const;
  return numbers(locales, options).format(digits(text));
}

/** A figure with exactly the places that it has: `0.60`. */
export function figure(text: Decimal, locales = language()): string {
  const places = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
  const options = { minimumFractionDigits: places, maximumFractionDigits: places };
  return numbers(locales, options).format(digits(text));
}

/** A figure from 0 to 1 in hundredths, rounded down: what is not whole is not shown as whole. `0.68`. */
export function hundredths(text: Decimal, locales = language()): string {
  const options = {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    roundingMode: "floor",
  } as const;
  return numbers(locales, options).format(digits(text));
}

/** A share as a percentage, rounded down: who is at 94.9 % has not reached 95 %. `83 %`. */
export function percent(share: Decimal, locales = language()): string {
  const options = {
    style: "percent",
    maximumFractionDigits: 0,
    roundingMode: "floor",
  } as const;
  return numbers(locales, options).format(digits(share));
}

/** Whether a share is so much more than the whole that its digits say nothing. */
export function isManifold(share: Decimal): boolean {
  return Number(share) > 10;
}

/** How much of something was used: `83%`, or `more than 10 times` of it. */
export function used(share: Decimal, locales = language()): string {
  return isManifold(share) ? "more than 10 times" : percent(share, locales);
}

/** A share that somebody gave, with all that they gave of it: `12.5 %`. */
export function share(text: Decimal, locales = language()): string {
  return numbers(locales, { style: "percent", maximumFractionDigits: 4 }).format(digits(text));
}

/** The day that a midnight ends: `31 Dec 2026` of that of 1 Jan 2027. */
export function dayBefore(text: string, locales = language(), timeZone?: string): string {
  const parts = { year: "numeric", month: "short", day: "numeric", timeZone } as const;
  return dates(locales, parts).format(new Date(new Date(text).getTime() - 1));
}

/** An instant, with its zone: `29 Nov 2026, 08:15 GMT+1`. */
export function instant(text: string, locales = language(), timeZone?: string): string {
  return dates(locales, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
    timeZone,
  }).format(new Date(text));
}
