/**
 * One WebSocket for several streams and for publishing, which connects again until it is closed.
 *
 * Owns the connection and its credential; streams are `socket-streams.ts`, publishes `socket-publishes.ts`.
 */

import { TidegateError } from "./errors.ts";
import { buyTicket, newKey, publishOrgEvent } from "./events.ts";
import type { Connected, Goodbye } from "./generated.ts";
import { pauseOf, text } from "./read.ts";
import { address, canRefresh, credential, setHeader, type ServerOptions } from "./server.ts";
import { callback, CallbackFailure, runConnection, type ServerFrame } from "./socket-connection.ts";
import { PendingPublishes, type Acknowledgement } from "./socket-publishes.ts";
import { SocketStreams, type SocketStreamOptions } from "./socket-streams.ts";
import type { StreamEvent, Subscription } from "./subscribe.ts";
import { forwardAbort, RetryDelays, sleep, withDeadline, type Backoff } from "./wait.ts";

/** So often in a row may a connection end by a frame that can't be read. */
const BROKEN_IN_A_ROW_MAX = 3;

/** A connection is looked at so often, or more often where a bound is short. */
const TICK_MS_MAX = 1000;

/** How the socket is kept. */
export interface SocketOptions extends ServerOptions {
  /** Closes the socket. */
  signal?: AbortSignal | undefined;
  /** How long to wait between attempts. */
  backoff?: Backoff | undefined;
  /** Attempts in a row that may fail; without a limit by default. */
  attemptsMax?: number | undefined;
  /** Instead of the runtime's own; Node 20 has none without `--experimental-websocket`. */
  WebSocket?: (new (url: string, init?: any) => WebSocket) | undefined;
  /** Events of a stream that may wait for their consumer, 1000 by default. */
  queueMax?: number | undefined;
  /** Characters of a stream's frames that may wait, 8 Mi by default. */
  queueCharsMax?: number | undefined;
  /** Characters of one frame at most; 4 Mi by default. */
  frameCharsMax?: number | undefined;
  /** Silence after which the server is asked whether it is there, 20 000 ms by default; twice as much ends the connection. 0: never. */
  silenceMsMax?: number | undefined;
  /** Called with how each connection begins. */
  onConnected?: ((connected: Pick<Connected, "orgId" | "backend" | "realtimeStatus">) => void) | undefined;
  /** Called with why the server ends a connection. */
  onGoodbye?: ((goodbye: Goodbye) => void) | undefined;
  /** Called with each failure that is followed by another attempt, and how long that waits. */
  onRetry?: ((error: TidegateError, waitMs: number) => void) | undefined;
}

/** Node's and Bun's WebSocket take headers, as does that of the package `ws`. */
const hasHeaders = !("document" in globalThis) && (globalThis as Runtime).process?.versions?.node !== undefined;

type Runtime = { process?: { versions?: { node?: string } } };

/** Opens a socket, which connects again until it is closed. */
export function openSocket(options: SocketOptions): TidegateSocket {
  return new TidegateSocket(options);
}

/** A connection that is made again whenever it breaks. */
export class TidegateSocket {
  /** Settles when the socket is closed; rejects with what could not be healed, or what a callback threw. */
  readonly done: Promise<void>;
  readonly #options: SocketOptions;
  readonly #ending = new AbortController();
  readonly #streams: SocketStreams;
  readonly #publishes: PendingPublishes;
  readonly #delays: RetryDelays;
  #socket: WebSocket | undefined;
  #isReady = false;
  #failures = 0;
  #brokenInARow = 0;
  #isRefused = false;
  #pauseMs: number | undefined;
  #token: string | undefined;

  constructor(options: SocketOptions) {
    this.#options = options;
    const { queueMax = 1000, queueCharsMax = 8 << 20, answerMsMax = 30_000, backoff } = options;
    this.#delays = new RetryDelays(backoff);
    this.#streams = new SocketStreams({ queueMax: Math.max(1, queueMax), queueCharsMax, backoff }, (frame) => void this.#sendFrame(frame));
    this.#publishes = new PendingPublishes(answerMsMax, (text) => this.#send(text));
    this.done = this.#run(forwardAbort(options.signal, this.#ending));
    this.done.catch(() => {});
  }

  /** Ends the socket and every stream on it; what was published and not acknowledged rejects. */
  readonly close = (): void => {
    this.#ending.abort();
    this.#socket?.close(1000);
  };

  /** Reads a stream; one iterator for each stream at a time. */
  subscribe<P = Record<string, unknown>>(name: string, options: SocketStreamOptions = {}): Subscription<StreamEvent<P>> {
    return this.#streams.subscribe(name, options) as Subscription<StreamEvent<P>>;
  }

  /**
   * Publishes an event once; it is sent again on the next connection where its answer was lost.
   *
   * A page with a key publishes by a request of its own: its socket was opened with a ticket, which only reads.
   */
  publish(event: string, payload: Record<string, unknown>, idempotencyKey = newKey()): Promise<Acknowledgement> {
    if (this.#ending.signal.aborted) return Promise.reject(closed());
    if (!hasHeaders && this.#options.apiKey && !this.#options.token && !this.#options.ticket) {
      return publishOrgEvent(event, payload, { ...this.#options, idempotencyKey, signal: this.#ending.signal });
    }
    return this.#publishes.publish(event, payload, idempotencyKey);
  }

  /** Gives the server a newer token of the same organisation, without another connection. */
  authenticate(token: string): void {
    this.#sendFrame({ type: "auth", token });
  }

  /** Returns whether there was a connection to say it on. */
  #sendFrame(frame: Record<string, unknown>): boolean {
    return this.#send(JSON.stringify(frame));
  }

  #send(text: string): boolean {
    if (!this.#isReady || this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  async #run(stopForwarding: () => void): Promise<void> {
    const { signal } = this.#ending;
    try {
      while (!signal.aborted) {
        this.#delays.begin();
        const error = await this.#connection().then(() => undefined, (cause: unknown) => asError(cause));
        if (signal.aborted) break;
        if (error) this.#failed(error);
        const wait = this.#delays.next(this.#failures, this.#pauseMs ?? error?.retryAfterMs);
        this.#pauseMs = undefined;
        this.#options.onRetry?.(error ?? new TidegateError("network", "the connection ended"), wait);
        await sleep(wait, signal);
      }
      this.#endAll(undefined);
    } catch (error) {
      this.#endAll(error);
      throw error;
    } finally {
      this.#ending.abort();
      stopForwarding();
    }
  }

  /** Throws what another connection would not heal. */
  #failed(error: TidegateError): void {
    if (error.status === 413 && this.#publishes.refuseLargest(error)) return;
    this.#failures += 1;
    this.#brokenInARow = error.code === "bad_frame" ? this.#brokenInARow + 1 : this.#brokenInARow;
    const isRefused = error.status === 401 || error.code === "unauthorized";
    if (isRefused && canRefresh(this.#options) && !this.#isRefused) this.#isRefused = true;
    else if (error.isForeign || !(error.isTemporary || error.code === "unavailable")) throw error;
    if (this.#failures >= (this.#options.attemptsMax ?? Infinity) || this.#brokenInARow >= BROKEN_IN_A_ROW_MAX) throw error;
  }

  #endAll(error: unknown): void {
    this.#streams.end(error);
    this.#publishes.end(error ?? closed());
  }

  /** Lives as long as one connection; throws where there was no answer or a refusal. */
  async #connection(): Promise<void> {
    const { signal } = this.#ending;
    const { silenceMsMax = 20_000, frameCharsMax = 4 << 20 } = this.#options;
    const Socket = this.#options.WebSocket ?? (globalThis.WebSocket as SocketOptions["WebSocket"]);
    if (!Socket) {
      throw new TidegateError("usage", "this runtime has no WebSocket: give one as `WebSocket`, or start Node 20 with --experimental-websocket");
    }
    const url = address(this.#options, "/api/ws");
    const late = () => new TidegateError("timeout", `there was no credential within ${2 * silenceMsMax} ms`);
    const headers = await withDeadline(2 * silenceMsMax, signal, late, () => this.#authorize(url));
    url.protocol = url.protocol.replace("http", "ws");
    if (signal.aborted) return;
    const socket = headers ? new Socket(url.href, { headers }) : new Socket(url.href);
    this.#socket = socket;
    try {
      await runConnection(socket, {
        silenceMsMax, frameCharsMax, signal,
        tickMs: Math.min(TICK_MS_MAX, ...[silenceMsMax, this.#publishes.answerMsMax].filter((ms) => ms > 0).map((ms) => ms / 2)),
        // Answered with an error of this ref, which shows that somebody is there.
        probe: () => this.#sendFrame({ type: "unsubscribe", stream: "-", ref: "alive" }),
        onFrame: (frame, chars) => this.#onFrame(frame, chars),
        check: () => this.#publishes.overdue(),
      });
    } catch (error) {
      // A WebSocket does not say why it was refused; a request with the same credential does.
      if (!this.#isReady && headers) await this.#buyTicket();
      throw error;
    } finally {
      this.#isReady = false;
      this.#socket = undefined;
      this.#streams.onDisconnected();
      this.#publishes.onDisconnected();
      socket.close();
    }
  }

  /** Returns headers, where the runtime's WebSocket takes any; a browser's gets a ticket. */
  async #authorize(url: URL): Promise<Record<string, string> | undefined> {
    const { ticket, token, apiKey } = this.#options;
    if (ticket) {
      url.searchParams.set("ticket", await credential(ticket, this.#isRefused));
      return undefined;
    }
    this.#token = token ? await credential(token, this.#isRefused) : undefined;
    if (hasHeaders) {
      const headers = new Headers();
      for (const [name, value] of Object.entries(this.#options.headers ?? {})) setHeader(headers, name, value);
      if (this.#token) setHeader(headers, "authorization", `Bearer ${this.#token}`);
      else if (apiKey) setHeader(headers, "x-api-key", apiKey);
      return Object.fromEntries(headers);
    }
    url.searchParams.set("ticket", await this.#buyTicket());
    return undefined;
  }

  async #buyTicket(): Promise<string> {
    const { ticket } = await buyTicket({ ...this.#options, token: this.#token, signal: this.#ending.signal });
    return ticket;
  }

  #onFrame(frame: ServerFrame, chars: number): void {
    if (typeof frame?.type !== "string") throw new SyntaxError("no frame");
    switch (frame.type) {
      case "connected":
        return this.#onConnected(frame);
      case "subscribed":
        return this.#streams.onSubscribed(frame);
      case "event":
        if (this.#streams.onEvent(frame, chars)) this.#brokenInARow = 0;
        return;
      case "gap":
        return this.#streams.onGap(frame, chars);
      case "ack":
        return this.#publishes.acknowledge(frame);
      case "error":
        return this.#onError(frame);
      case "goodbye":
        this.#pauseMs = pauseOf(frame);
        callback(this.#options.onGoodbye, frame);
    }
  }

  #onConnected(connected: Connected): void {
    this.#isReady = true;
    // A ticket only reads; the token that bought it may do more.
    if (!hasHeaders && this.#token) this.authenticate(this.#token);
    this.#failures = 0;
    this.#isRefused = false;
    this.#streams.onConnected();
    this.#publishes.onConnected();
    callback(this.#options.onConnected, connected);
  }

  #onError({ ref, code, message, request_id }: Extract<ServerFrame, { type: "error" }>): void {
    if (ref === undefined || ref === "alive") return;
    const error = new TidegateError(text(code) as TidegateError["code"], text(message), { requestId: request_id });
    if (this.#publishes.refuse(ref, error) || !ref.startsWith("s:")) return;
    // Another connection may lead to a server that has it.
    if (code === "unavailable") throw new TidegateError("network", message);
    this.#streams.onRefused(ref.slice(2), error);
  }
}

function closed(): TidegateError {
  return new TidegateError("network", "the socket is closed");
}

/** Returns why a connection ended; throws what a callback threw. */
function asError(cause: unknown): TidegateError {
  if (cause instanceof CallbackFailure) throw cause.error;
  return cause instanceof TidegateError ? cause : new TidegateError("network", "the connection failed", { cause });
}
