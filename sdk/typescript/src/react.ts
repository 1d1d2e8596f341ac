/** A stream in a React component: the newest events, and how the connection is. */

import { useEffect, useRef, useState } from "react";
import type { Gap } from "./generated.ts";
import { subscribe, type StreamEvent, type SubscribeOptions } from "./subscribe.ts";

/** What the hook gives. */
export interface StreamState<P> {
  /** The newest events, the oldest first. */
  events: StreamEvent<P>[];
  status: "connecting" | "open" | "waiting" | "failed";
  /** Where a hole could not be ruled out last. */
  gap: Gap | undefined;
  /** What could not be healed. */
  error: unknown;
}

/** How a component reads a stream: `keep` of its newest events are held, 100 by default. */
export type StreamStateOptions = Omit<SubscribeOptions, "signal"> & { keep?: number | undefined };

/**
 * Follows a stream as long as the component is there; another stream, address or filter begins anew.
 *
 * `onConnected`, `onRetry` and `onGap` are those of the newest render; every other option is that of the beginning.
 */
export function useTidegate<P = Record<string, unknown>>(stream: string, options: StreamStateOptions): StreamState<P> {
  const [state, setState] = useState<StreamState<P>>(empty);
  const latest = useRef(options);
  latest.current = options;
  const filter = [options.events ?? []].flat().join(",");
  useEffect(() => {
    const ending = new AbortController();
    const change = (next: (now: StreamState<P>) => Partial<StreamState<P>>) => {
      if (!ending.signal.aborted) setState((now) => ({ ...now, ...next(now) }));
    };
    setState(empty);
    follow(stream, () => latest.current, ending.signal, change).catch((error: unknown) => change(() => ({ status: "failed", error })));
    return () => ending.abort();
  }, [stream, String(options.url), filter]);
  return state;
}

function empty<P>(): StreamState<P> {
  return { events: [], status: "connecting", gap: undefined, error: undefined };
}

async function follow<P>(
  stream: string, latest: () => StreamStateOptions, signal: AbortSignal,
  change: (next: (now: StreamState<P>) => Partial<StreamState<P>>) => void,
): Promise<void> {
  const events = subscribe<P>(stream, {
    ...latest(), signal,
    onConnected: (connected) => (change(() => ({ status: "open" })), latest().onConnected?.(connected)),
    onRetry: (error, waitMs) => (change(() => ({ status: "waiting" })), latest().onRetry?.(error, waitMs)),
    onGap: (gap) => (change(() => ({ gap })), latest().onGap?.(gap)),
  });
  for await (const event of events) change((now) => ({ events: newest([...now.events, event], latest().keep ?? 100) }));
}

function newest<T>(items: T[], keep: number): T[] {
  return keep > 0 ? items.slice(-keep) : [];
}
