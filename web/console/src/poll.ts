/** Asking again and again as long as somebody looks. */

import { useEffect, useRef, useState } from "preact/hooks";
import { said } from "./api.ts";

/** What was found last. */
export interface Polled<T> {
  value: T | undefined;
  /** Why the last attempt found nothing; empty where it did. */
  error: string;
  /** Asks at once. */
  again: () => void;
}

/**
 * Asks at once, and then so many milliseconds after each answer; a tab that nobody sees asks nothing.
 * What was found stays while an attempt fails. Other `keys` begin anew.
 */
export function usePoll<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs: number, keys: unknown[] = []): Polled<T> {
  const [state, setState] = useState<{ value: T | undefined; error: string }>({ value: undefined, error: "" });
  const latest = useRef(ask);
  latest.current = ask;
  const wake = useRef<() => void>(() => {});
  useEffect(() => {
    const ending = new AbortController();
    setState({ value: undefined, error: "" });
    void (async () => {
      while (!ending.signal.aborted) {
        try {
          const value = await latest.current(ending.signal);
          if (!ending.signal.aborted) setState({ value, error: "" });
        } catch (error) {
          if (!ending.signal.aborted) setState((before) => ({ ...before, error: said(error) }));
        }
        await pause(everyMs, ending.signal, wake);
      }
    })();
    return () => ending.abort();
  }, [everyMs, ...keys]);
  return { ...state, again: () => wake.current() };
}

/** Waits so long and until the tab is seen, or until it is woken or ended. */
function pause(ms: number, signal: AbortSignal, wake: { current: () => void }): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const look = () => {
      if (isOver && !document.hidden) end();
    };
    const timer = setTimeout(() => {
      isOver = true;
      look();
    }, ms);
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", end);
    wake.current = end;
    if (signal.aborted) end();
  });
}
