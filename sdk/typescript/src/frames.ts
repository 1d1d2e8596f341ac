/**
 * The frames of one address over as many connections as it takes: resumes, backs off, watches.
 *
 * Reads a body only when it is asked for the next frame: a slow consumer stops the sender.
 */

import { TidegateError, errorOf } from "./errors.ts";
import { canRefresh, send, type ServerOptions } from "./server.ts";
import { FrameTooLarge, SseParser, type Frame } from "./sse.ts";
import { forwardAbort, sleep, RetryDelays, timer, type Backoff } from "./wait.ts";

/** How connections are made and given up. */
export interface ConnectionOptions extends ServerOptions {
  /** Ends the iteration, which does not throw then. */
  signal?: AbortSignal | undefined;
  /** How long to wait between attempts. */
  backoff?: Backoff | undefined;
  /** Attempts in a row that may fail, the first included; without a limit by default. */
  attemptsMax?: number | undefined;
  /** Silence after which a connection counts as dead; 45 000 ms, three heartbeats, by default. 0: never. */
  silenceMsMax?: number | undefined;
  /** Characters of one frame at most; 4 Mi by default. */
  frameCharsMax?: number | undefined;
  /** Called with each failure that is followed by another attempt, and how long that waits. */
  onRetry?: ((error: TidegateError, waitMs: number) => void) | undefined;
}

/** What a reader of frames and its connections share. */
export interface ReadPosition {
  /** Where to resume; the reader moves it. */
  after: string | undefined;
  /** How long the server wants the next pause to be, once. */
  pauseMs: number | undefined;
  /** Set by the reader: this connection is no good, and `after` stays. */
  broken: TidegateError | undefined;
}

/** What only the SDK itself sets. */
export interface FrameOptions extends ConnectionOptions {
  redirect?: RequestRedirect | undefined;
}

/** Yields frames until the signal. Throws what another attempt would not heal. */
export async function* frames(url: URL, position: ReadPosition, options: FrameOptions, signal: AbortSignal): AsyncGenerator<Frame> {
  const state: State = { failures: 0, isRefused: false, hasConnected: false, retryMs: undefined, delays: new RetryDelays(options.backoff) };
  while (!signal.aborted) {
    let error: TidegateError | undefined;
    state.delays.begin();
    try {
      if (yield* connectionFrames(url, position, options, signal, state)) return;
    } catch (cause) {
      if (signal.aborted) return;
      error = retryable(cause, options, state);
    }
    position.broken = undefined;
    await waitForRetry(error, position, options, signal, state);
  }
}

/** Yields the frames of one connection until it is over; returns whether the server wants no other. */
async function* connectionFrames(
  url: URL, position: ReadPosition, options: FrameOptions, signal: AbortSignal, state: State,
): AsyncGenerator<Frame, boolean> {
  const connection = new AbortController();
  const stopForwarding = forwardAbort(signal, connection);
  try {
    const body = await connect(url, position, options, connection, state);
    if (!body) return true;
    state.hasConnected = true;
    state.isRefused = false;
    const parser = new SseParser(position.after, options.frameCharsMax ?? 4 << 20);
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), options, connection);
      if (done || signal.aborted) return false;
      for (const frame of parser.push(decoder.decode(value, { stream: true }))) {
        state.failures = 0;
        yield frame;
        if (position.broken) throw position.broken;
      }
      state.retryMs = parser.retryMs ?? state.retryMs;
    }
  } finally {
    stopForwarding();
    connection.abort();
  }
}

type State = { failures: number; isRefused: boolean; hasConnected: boolean; retryMs: number | undefined; delays: RetryDelays };

/** Returns the body of an event stream; undefined where the server wants no other connection (204). */
async function connect(url: URL, position: ReadPosition, options: FrameOptions, connection: AbortController, state: State) {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (position.after) headers["last-event-id"] = headerBytes(position.after);
  const init: RequestInit = { headers, signal: connection.signal, redirect: options.redirect ?? "manual" };
  const response = await withinSilence(send(options, url, init, state.isRefused), options, connection);
  if (response.status === 204) return undefined;
  if (!response.ok) throw await withinSilence(errorOf(response), options, connection);
  const type = response.headers.get("content-type") ?? "no type";
  if (!response.body || !/^text\/event-stream\b/i.test(type)) {
    throw new TidegateError("bad_answer", `${url.pathname} answered ${type}, no event stream`, { status: response.status });
  }
  return response.body;
}

/** Returns a text's UTF-8 as a header carries it, a character for a byte; control characters become spaces. */
function headerBytes(text: string): string {
  const bytes = new TextEncoder().encode(text.replace(/[\0-\x1f\x7f]/g, " "));
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Waits for something of a connection, and no longer than silence may last. */
function withinSilence<T>(what: Promise<T>, { silenceMsMax = 45_000 }: ConnectionOptions, connection: AbortController): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(silence);
      connection.signal.removeEventListener("abort", stopped);
    };
    const stopped = () => (end(), reject(connection.signal.reason));
    const silence = silenceMsMax > 0 ? timer(() => {
      connection.abort(new TidegateError("timeout", `nothing was heard for ${silenceMsMax} ms`));
    }, silenceMsMax) : undefined;
    if (connection.signal.aborted) stopped();
    else connection.signal.addEventListener("abort", stopped);
    what.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
  });
}

/** Returns the error, where another attempt may help; throws it where not. */
function retryable(cause: unknown, options: ConnectionOptions, state: State): TidegateError {
  if (cause instanceof FrameTooLarge) {
    throw new TidegateError("too_large", "a frame is larger than `frameCharsMax`", { cause });
  }
  const error = cause instanceof TidegateError ? cause : new TidegateError("network", "the connection broke", { cause });
  state.failures += 1;
  if (error.status === 401 && canRefresh(options) && !state.isRefused) state.isRefused = true;
  else if (!error.isTemporary || (error.isForeign && !state.hasConnected)) throw error;
  if (state.failures >= (options.attemptsMax ?? Infinity)) throw error;
  return error;
}

/** Waits as long as the server asks, else as the backoff says. */
async function waitForRetry(
  error: TidegateError | undefined, position: ReadPosition, options: ConnectionOptions, signal: AbortSignal, state: State,
): Promise<void> {
  const asked = error?.retryAfterMs ?? position.pauseMs;
  position.pauseMs = undefined;
  let wait = state.delays.next(state.failures, asked && asked + Math.random() * Math.min(asked, 1000), state.retryMs);
  if (error?.status === 401) wait = Math.min(wait, 100);
  options.onRetry?.(error ?? new TidegateError("network", "the server ended the stream"), wait);
  await sleep(wait, signal);
}
