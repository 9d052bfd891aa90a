import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { calculateRoi, recommend, type Schemas } from "../api/client";
import { Failure, type FieldError } from "../api/problem";
import type { Draft } from "./draft";
import { label } from "./labels";
import { businessCase, NotWhole, needs } from "./wire";

/** What the server makes of the draft, as it is typed. */
export interface Answer {
  readonly advice: Schemas["RecommendationOut"] | null;
  readonly roi: Schemas["RoiOut"] | null;
  /** What the server could not work with, by pointers of the form. */
  readonly errors: readonly FieldError[];
  /** What else went wrong. */
  readonly trouble: Error | null;
  /** Whether what is shown is of an older draft. */
  readonly behind: boolean;
  readonly again: () => void;
}

/** How long somebody has not typed before the server is asked, in milliseconds. */
const PAUSE = 250;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** A request body, or the pointers that keep it from being one. */
function body<T>(make: () => T): { body: T | null; wrong: readonly string[] } {
  try {
    return { body: make(), wrong: [] };
  } catch (error) {
    if (error instanceof NotWhole) return { body: null, wrong: error.at };
    throw error;
  }
}

export function useAnswer(now: Draft): Answer {
  const draft = useSettled(now);
  const asked = body(() => needs(draft));
  const advice = useQuery({
    queryKey: ["recommendation", asked.body],
    queryFn: ({ signal }) => recommend(asked.body as Schemas["NeedsIn"], signal),
    enabled: asked.body !== null,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
  const plan = advice.data?.plan;
  const monthly = advice.data?.ranking.find((one) => one.plan.key === plan?.key)?.expected;
  const assumed = body(() => (monthly ? businessCase(draft, monthly) : null));
  const roi = useQuery({
    queryKey: ["roi", assumed.body],
    queryFn: ({ signal }) => calculateRoi(assumed.body as Schemas["RoiIn"], signal),
    enabled: assumed.body !== null,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
  const failures = [advice.error, roi.error];
  const refused = (error: Error | null) => error instanceof Failure && error.errors.length > 0;
  return {
    advice: advice.data ?? null,
    roi: monthly ? (roi.data ?? null) : null,
    errors: [
      ...[...asked.wrong, ...assumed.wrong].map((at) => notWhole(at)),
      ...fieldErrors(advice.error, (pointer) => pointer),
      ...fieldErrors(roi.error, inForm),
    ],
    trouble: failures.find((error) => error && !refused(error)) ?? null,
    behind: draft !== now || advice.isPlaceholderData || roi.isPlaceholderData,
    again: () => {
      void advice.refetch();
      void roi.refetch();
    },
  };
}

export function notWhole(pointer: string): FieldError {
  return { pointer, code: "invalid_value", detail: "must be a whole number" };
}

/** Where in the form an assumption of `POST /roi` stands. */
function inForm(pointer: string): string {
  if (pointer.startsWith("/departments")) return pointer;
  return pointer.startsWith("/subscription") ? "/usage" : `/roi${pointer}`;
}

function fieldErrors(error: Error | null, place: (pointer: string) => string): FieldError[] {
  if (!(error instanceof Failure)) return [];
  return error.errors.map((one) => ({ ...one, pointer: place(one.pointer) }));
}

/** The assumption that was changed last, in words, while the figures are those that it led to. */
export function useMoved(draft: Draft): string | null {
  const before = useRef(draft);
  const [moved, setMoved] = useState<string | null>(null);
  useEffect(() => {
    const old = before.current;
    before.current = draft;
    if (old === draft) return;
    if (old.departments !== draft.departments) {
      setMoved(
        draft.departments > old.departments ? "one department more" : "one department fewer",
      );
      return;
    }
    const at = Object.keys(draft.values).find((at) => draft.values[at] !== old.values[at]);
    if (at && decides(at)) setMoved(`“${label(draft, at)}” now ${draft.values[at] || "empty"}`);
  }, [draft]);
  return moved;
}

function decides(at: string): boolean {
  if (at.endsWith("/name")) return false;
  return (
    /^\/(usage|roi|departments)\//.test(at) ||
    ["/purpose", "/voice_minutes", "/support_hours", "/currency"].includes(at)
  );
}
