/** What is kept in this tab: the draft, and the receipts of what was sent. Gone with the tab. */
import type { Draft } from "./draft";

const DRAFT = "tenantry.draft";
const KEY = "tenantry.draft.key";
const RECEIPT = "tenantry.receipt.";

function get(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function set(name: string, text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, text);
  } catch {
    // Storage is denied or full: what was typed stays on the page.
  }
}

export function keepDraft(draft: Draft): void {
  set(DRAFT, JSON.stringify(draft));
}

export function keptDraft(): Draft | null {
  try {
    const draft: unknown = JSON.parse(get(DRAFT) ?? "null");
    return isDraft(draft) ? draft : null;
  } catch {
    return null;
  }
}

function isDraft(draft: unknown): draft is Draft {
  if (typeof draft !== "object" || draft === null) return false;
  if (!("values" in draft) || !("departments" in draft) || !("signs" in draft)) return false;
  const { values, departments, signs } = draft;
  const counts = [departments, signs].every((n) => Number.isInteger(n) && (n as number) <= 50);
  if (!counts || typeof values !== "object" || values === null) return false;
  return Object.values(values).every((text) => typeof text === "string");
}

export function dropDraft(): void {
  set(DRAFT, null);
  set(KEY, null);
}

let unkept: string | null = null;

/** The draft's own idempotency key: sending it twice is one request. */
export function idempotencyKey(): string {
  const kept = get(KEY) ?? unkept;
  if (kept) return kept;
  // randomUUID is for secure contexts alone, and an installation may be without TLS.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  set(KEY, made);
  unkept = made;
  return made;
}

export function forgetKey(): void {
  unkept = null;
  set(KEY, null);
}

/** Receipts beside the storage, which may be denied or full: a receipt is given once. */
const receipts = new Map<string, string>();

export function keepReceipt(id: string, token: string): void {
  receipts.set(id, token);
  set(RECEIPT + id, token);
}

export function keptReceipt(id: string): string | null {
  return get(RECEIPT + id) ?? receipts.get(id) ?? null;
}

export function dropReceipt(id: string): void {
  receipts.delete(id);
  set(RECEIPT + id, null);
}
