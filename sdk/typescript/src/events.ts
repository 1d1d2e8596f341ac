/** An organisation's events: publish them, follow them, page through the window, buy tickets. */

import type { Draft, Page, Receipt, Ticket } from "./generated.ts";
import { address, call, jsonBody, type CallOptions, type ServerOptions } from "./server.ts";
import { subscribe, type StreamEvent, type SubscribeOptions } from "./subscribe.ts";
import { TidegateError } from "./errors.ts";
import { backoffMs, sleep, type Backoff } from "./wait.ts";

/** A publish does not wait longer for `Retry-After`; its error has the time. */
const RETRY_AFTER_MS_MAX = 60_000;

/** How an event is published. */
export interface PublishOptions extends ServerOptions {
  /** Makes a repeated attempt safe; one is made where it is absent. */
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Attempts at most, 4 by default; only temporary failures are followed by another. */
  attemptsMax?: number | undefined;
  backoff?: Backoff | undefined;
}

/** PendingPublishes an event once, over failures of the network too. */
export function publishOrgEvent(event: string, payload: Record<string, unknown>, options: PublishOptions): Promise<Receipt> {
  return post<Receipt>({ event, payload }, options);
}

/** PendingPublishes a list, whole or not at all. */
export function publishOrgEvents(drafts: Draft[], options: PublishOptions): Promise<Receipt[]> {
  return post<Receipt[]>(drafts, options);
}

async function post<T>(body: unknown, options: PublishOptions): Promise<T> {
  const url = address(options, "/api/events");
  const key = options.idempotencyKey ?? newKey();
  const signal = options.signal ?? new AbortController().signal;
  const init = { ...jsonBody(body, "POST", { "idempotency-key": key }), signal };
  for (let failures = 1; ; failures += 1) {
    try {
      return await call<T>(options, url, init);
    } catch (error) {
      const isTemporary = error instanceof TidegateError && (error.isTemporary || error.code === "conflict");
      if (!isTemporary || error.isForeign || failures >= (options.attemptsMax ?? 4)) throw error;
      if ((error.retryAfterMs ?? 0) > RETRY_AFTER_MS_MAX) throw error;
      const { baseMs = 200, maxMs = 5000 } = options.backoff ?? {};
      await sleep(error.retryAfterMs ?? backoffMs(failures - 1, undefined, { baseMs, maxMs }), signal);
      signal.throwIfAborted();
    }
  }
}

/** Returns a key that nobody else has; pages without TLS lack `randomUUID`. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A listener's end of a subscription. */
export interface OrgSubscription {
  /** Ends it. */
  close(): void;
  /** Settles at its end; rejects with what could not be healed, or what the listener threw. */
  readonly done: Promise<void>;
}

/** Calls a listener for each event of the organisation, one after another: the next waits for its promise. */
export function subscribeOrgEvents(listener: (event: StreamEvent) => unknown, options: SubscribeOptions): OrgSubscription {
  const events = subscribe("events", options);
  const done = (async () => {
    for await (const event of events) await listener(event);
  })();
  done.catch(() => {});
  return { close: () => void events.return?.().catch(() => {}), done };
}

/** Which stretch of which stream's window. */
export interface EventsQuery {
  /** The cursor behind which it begins; absent: the window's beginning. */
  after?: string | undefined;
  /** Events at most. */
  limit?: number | undefined;
  /** `events` by default. */
  stream?: string | undefined;
}

/** Returns a stretch of a stream's window, the oldest first. */
export async function listOrgEvents(query: EventsQuery, options: ServerOptions & CallOptions): Promise<Page> {
  return call<Page>(options, address(options, "/api/events", { ...query }), { signal: options.signal ?? null });
}

/** Buys a ticket: one use, to be given to a page that must not have the credential. */
export async function buyTicket(options: ServerOptions & CallOptions): Promise<Ticket> {
  return call<Ticket>(options, address(options, "/api/stream/ticket"), { method: "POST", signal: options.signal ?? null });
}
