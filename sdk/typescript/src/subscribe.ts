/** A stream as an async iterator: every event once, in order, over any number of connections. */

import type { ConnectionOptions } from "./frames.ts";
import type { Connected, Envelope, Gap, Goodbye } from "./generated.ts";
import { read } from "./read.ts";
import { address, httpAddress } from "./server.ts";
import type { Frame } from "./sse.ts";
import type { CursorStorage } from "./storage.ts";

/** An event behind its cursor. */
export interface StreamEvent<P = Record<string, unknown>> extends Omit<Envelope, "payload"> {
  cursor: string;
  payload: P;
}

/** How a stream is read. */
export interface SubscribeOptions extends ConnectionOptions {
  /** The cursor to go on after; absent: what storage has, else what is published from now on. */
  after?: string | undefined;
  /** Names to be sent alone, as `action.*`. */
  events?: string | string[] | undefined;
  /** Called where a hole can't be ruled out. Without it a warning is written to the console. */
  onGap?: ((gap: Gap) => void) | undefined;
  /** Called with how each connection begins. */
  onConnected?: ((connected: Connected) => void) | undefined;
  /** Called with why the server ends a connection. */
  onGoodbye?: ((goodbye: Goodbye) => void) | undefined;
  /** Where the cursor is kept. It moves on when the next event is asked for, so none is lost. */
  storage?: CursorStorage | undefined;
  /** The cursor's name in the storage; by default the stream's. */
  storageKey?: string | undefined;
  /** The time between two saves, 1000 ms by default. */
  saveEveryMs?: number | undefined;
  /** Called where the storage failed; the stream goes on. Without it a warning is written to the console. */
  onStorageError?: ((error: unknown) => void) | undefined;
  /** Ids that are remembered at least, 4096 by default. */
  repeatsWindow?: number | undefined;
}

/** An iterator that can be ended while it waits. */
export type Subscription<T> = AsyncIterableIterator<T>;

/** Reads a stream: `events`, `ops`, `thread:ID` or `chain:KEY`. */
export function subscribe<P = Record<string, unknown>>(stream: string, options: SubscribeOptions): Subscription<StreamEvent<P>> {
  const events = [options.events ?? []].flat().join(",") || undefined;
  const url = address(options, "/api/stream", { stream: stream === "events" ? undefined : stream, events });
  const decode = (frame: Frame) => {
    const envelope = JSON.parse(frame.data) as StreamEvent<P>;
    if (typeof envelope?.id !== "string" || typeof envelope.event !== "string") throw new SyntaxError("no envelope");
    envelope.cursor = frame.id;
    return envelope;
  };
  return read({ url, key: stream, decode, idOf: (event) => event.id }, options);
}

/**
 * Reads what any server of Server-Sent Events sends, by the rules of `EventSource`.
 *
 * A redirect is followed where neither a credential nor a header would go along.
 */
export function eventSource(url: string | URL, options: Omit<SubscribeOptions, "url" | "events"> = {}): Subscription<Frame> {
  const isOpen = !options.apiKey && !options.token && !options.ticket && !options.headers;
  const all = { ...options, url, redirect: isOpen ? "follow" as const : "manual" as const };
  return read({ url: httpAddress(url), key: String(url), decode: (frame) => frame, isPlain: true }, all);
}
