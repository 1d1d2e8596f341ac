/**
 * What is published on a socket and waits for its answer; it is sent again, under its key, on the next connection.
 *
 * Knows nothing of connections: it is told when one begins, and says when one is no good.
 */

import { TidegateError } from "./errors.ts";
import { jsonText } from "./server.ts";
import type { ServerFrame } from "./socket-connection.ts";

/** Publishes that may wait for their answers. */
const WAITING_MAX = 10_000;
/** So many connections may leave a publish without an answer. */
const UNANSWERED_MAX = 4;

/** Where an event went that was published on a socket. */
export interface Acknowledgement {
  id: string;
  cursor: string;
}

interface Pending {
  text: string;
  resolve: (acknowledgement: Acknowledgement) => void;
  reject: (error: unknown) => void;
  /** When it was sent on this connection. */
  sentAt: number | undefined;
  unanswered: number;
}

/** The publishes of one socket. */
export class PendingPublishes {
  readonly #pending = new Map<string, Pending>();
  #lastRef = 0;

  /** `send` says whether there was a connection; an answer may take `answerMsMax`, 0: any time. */
  constructor(readonly answerMsMax: number, readonly send: (text: string) => boolean) {}

  /** Rejects with what the server answers, and with `usage` where too many wait or the payload is no JSON. */
  async publish(event: string, payload: Record<string, unknown>, idempotencyKey: string): Promise<Acknowledgement> {
    if (this.#pending.size >= WAITING_MAX) throw new TidegateError("usage", `${WAITING_MAX} publishes wait for their answers`);
    const ref = String((this.#lastRef += 1));
    // Made once: what is sent again under the key is the same, whatever became of the payload.
    const text = jsonText({ type: "publish", event, payload, idempotency_key: idempotencyKey, ref });
    return new Promise((resolve, reject) => {
      const pending: Pending = { text, resolve, reject, sentAt: undefined, unanswered: 0 };
      this.#pending.set(ref, pending);
      this.#send(pending);
    });
  }

  /** A connection has begun: all that waits is sent. */
  onConnected(): void {
    for (const pending of this.#pending.values()) this.#send(pending);
  }

  /** The connection is over. */
  onDisconnected(): void {
    for (const pending of this.#pending.values()) pending.sentAt = undefined;
  }

  acknowledge({ ref, id, cursor }: Extract<ServerFrame, { type: "ack" }>): void {
    if (typeof id !== "string" || typeof cursor !== "string") throw new SyntaxError("no acknowledgement");
    this.#pending.get(ref)?.resolve({ id, cursor });
    this.#pending.delete(ref);
  }

  /** Returns whether it was a publish that was refused. */
  refuse(ref: string, error: TidegateError): boolean {
    this.#pending.get(ref)?.reject(error);
    return this.#pending.delete(ref);
  }

  /** Rejects the largest publish that was sent: over which a server closed the connection. Returns whether there was one. */
  refuseLargest(error: TidegateError): boolean {
    let largest: [ref: string, chars: number] | undefined;
    for (const [ref, { text }] of this.#pending) {
      if (text.length > (largest?.[1] ?? 0)) largest = [ref, text.length];
    }
    return largest !== undefined && this.refuse(largest[0], error);
  }

  /** Returns why the connection is no good, where an answer is overdue. */
  overdue(): TidegateError | undefined {
    if (this.answerMsMax <= 0) return undefined;
    let error: TidegateError | undefined;
    for (const [ref, pending] of this.#pending) {
      if (pending.sentAt === undefined || performance.now() - pending.sentAt < this.answerMsMax) continue;
      error = new TidegateError("timeout", `a publish was not answered within ${this.answerMsMax} ms`);
      if ((pending.unanswered += 1) >= UNANSWERED_MAX) this.refuse(ref, error);
    }
    return error;
  }

  end(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #send(pending: Pending): void {
    pending.sentAt = this.send(pending.text) ? performance.now() : undefined;
  }
}
