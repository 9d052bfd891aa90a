import { useCallback, useEffect, useRef, useState } from "react";
import { type Draft, empty, put, suggestedTenant, value } from "./draft";
import { dropDraft, forgetKey, keepDraft, keptDraft } from "./kept";
import { assumed, opened } from "./link";

function fresh(): Draft {
  return empty(Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
}

/** Puts a field's text, and the tenant's name after the customer's while nobody named it. */
function changed(draft: Draft, at: string, text: string): Draft {
  const next = put(draft, at, text);
  if (at !== "/display_name") return next;
  const follows = value(draft, "/tenant") === suggestedTenant(value(draft, "/display_name"));
  return follows ? put(next, "/tenant", suggestedTenant(text)) : next;
}

/** The draft of this tab: kept on reload, and what a link's fragment says put into it. */
export function useDraft() {
  const [first] = useState(() => {
    const kept = keptDraft() ?? fresh();
    return { kept, linked: opened(kept, window.location.hash) };
  });
  const [draft, setDraft] = useState(first.linked ?? first.kept);
  const [before, setBefore] = useState(first.linked ? first.kept : null);
  const latest = useRef(draft);
  latest.current = draft;
  useEffect(() => {
    // What a link said is in the draft now; it need not stand in the address any longer.
    const said = () => {
      if (!window.location.hash.startsWith("#a=")) return;
      window.history.replaceState(window.history.state, "", window.location.pathname);
    };
    // A link that is opened where the form is already loads nothing.
    const came = () => {
      const linked = opened(latest.current, window.location.hash);
      if (linked) {
        setBefore(latest.current);
        setDraft(linked);
      }
      said();
    };
    said();
    window.addEventListener("hashchange", came);
    return () => window.removeEventListener("hashchange", came);
  }, []);
  useEffect(() => keepDraft(draft), [draft]);
  const change = useCallback(
    (at: string, text: string) => setDraft((old) => changed(old, at, text)),
    [],
  );
  const clear = useCallback(() => {
    setDraft(fresh());
    setBefore(null);
    dropDraft();
    forgetKey();
  }, []);
  const undoLink = useCallback(() => {
    if (before) setDraft((now) => assumed(now, before));
    setBefore(null);
  }, [before]);
  return { draft, setDraft, change, clear, linked: before !== null, undoLink };
}
