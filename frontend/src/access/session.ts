/**
 * The token of who is signed in. It is kept in memory, and in the tab's session where they chose so;
 * nowhere else: no address, no query key, no attribute and no message has it.
 */
import { useSyncExternalStore } from "react";

const KEPT = "tenantry.token";

export interface Session {
  readonly token: string | null;
  /** Counts changes of who is signed in: what was asked for belongs to one of them. */
  readonly number: number;
  /** Whether the last token went because the server no longer took it. */
  readonly refused: boolean;
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function store(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, token);
  } catch {
    // Storage is denied: then a reload asks again.
  }
}

let now: Session = { token: stored(), number: 0, refused: false };
const listeners = new Set<() => void>();

function become(token: string | null, refused: boolean): void {
  now = { token, number: now.number + 1, refused };
  for (const tell of listeners) tell();
}

export function session(): Session {
  return now;
}

export function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => {
    listeners.delete(tell);
  };
}

/** Takes a token; `keep`: until the tab is closed, over reloads. */
export function signIn(token: string, keep: boolean): void {
  store(keep ? token : null);
  become(token, false);
}

export function signOut(): void {
  store(null);
  become(null, false);
}

/** The server did not take this token. Another one that came meanwhile stays. */
export function refuse(token: string): void {
  if (token !== now.token) return;
  store(null);
  become(null, true);
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, session);
}

/** What somebody pasted as a token: without what stands around it. Null when it cannot be one. */
export function read(pasted: string): string | null {
  const token = pasted.trim().replace(/^(authorization:\s*)?bearer(\s+|$)/i, "");
  return /^[!-+\--~]+$/.test(token) ? token : null;
}
