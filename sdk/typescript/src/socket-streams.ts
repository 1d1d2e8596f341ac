/**
 * The streams that are read on a socket, each an async iterator with the cursors of event streams.
 *
 * A stream whose queue is full is left, and taken up again where it was when the queue is short:
 * a WebSocket can't be read slowly, so this is what keeps memory bounded.
 */

import { TidegateError } from "./errors.ts";
import type { Gap } from "./generated.ts";
import { Queue } from "./queue.ts";
import { cursorKeeper, reportGap, text } from "./read.ts";
import { RecentIds } from "./recent-ids.ts";
import type { ServerFrame } from "./socket-connection.ts";
import type { CursorKeeper } from "./storage.ts";
import type { StreamEvent, SubscribeOptions, Subscription } from "./subscribe.ts";
import { forwardAbort, backoffMs, sleep, type Backoff } from "./wait.ts";

/** How one stream of a socket is read. */
export type SocketStreamOptions = Pick<
  SubscribeOptions,
  "after" | "signal" | "onGap" | "storage" | "storageKey" | "saveEveryMs" | "onStorageError" | "repeatsWindow"
>;

/** What bounds the streams of a socket. */
export interface StreamLimits {
  /** Items of a stream that may wait for their consumer. */
  queueMax: number;
  /** Characters of a stream's frames that may wait. */
  queueCharsMax: number;
  backoff: Backoff | undefined;
}

/** What waits for the consumer; gaps keep their place among events. */
type Item = { kind: "began"; cursor: string } | { kind: "gap"; gap: Gap } | { kind: "event"; event: StreamEvent };

interface SocketStream {
  name: string;
  after: string | undefined;
  /**
   * `new` until its storage has answered, `paused` while its queue is long or there is no connection,
   * `refused` until it is asked for again, `subscribing` until the server has begun it.
   */
  state: "new" | "paused" | "refused" | "subscribing" | "subscribed";
  refusals: number;
  queue: Queue<Item>;
  recent: RecentIds;
  keeper: CursorKeeper;
  ending: AbortController;
}

type Of<K extends ServerFrame["type"]> = Extract<ServerFrame, { type: K }>;

/** The streams of one socket. */
export class SocketStreams {
  readonly #streams = new Map<string, SocketStream>();
  /** How often a stream was asked for on this connection and not answered: the last answer is that of the last question. */
  readonly #unanswered = new Map<string, number>();
  #isReady = false;
  #ended: { error: unknown } | undefined;

  constructor(readonly limits: StreamLimits, readonly send: (frame: Record<string, unknown>) => void) {}

  /** Reads a stream; throws `usage` where it is read already. */
  subscribe(name: string, options: SocketStreamOptions): Subscription<StreamEvent> {
    if (this.#streams.has(name)) throw new TidegateError("usage", `\`${name}\` is read on this socket already`);
    const ending = new AbortController();
    const subscription: SocketStream = {
      name, after: options.after, state: "new", refusals: 0, queue: new Queue(), ending,
      recent: new RecentIds(options.repeatsWindow ?? 4096), keeper: cursorKeeper(name, options),
    };
    this.#streams.set(name, subscription);
    ending.signal.addEventListener("abort", () => this.#unsubscribe(subscription));
    if (this.#ended) this.#unsubscribe(subscription, this.#ended.error);
    const stopForwarding = forwardAbort(options.signal, ending);
    const inner = this.#items(subscription, options.onGap, stopForwarding);
    const end = () => (ending.abort(), stopForwarding());
    return {
      next: () => inner.next(),
      return: (value?: unknown) => (end(), inner.return(value as undefined)),
      throw: (error?: unknown) => (end(), inner.throw(error)),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** A connection has begun: every stream is asked for whose queue has room. */
  onConnected(): void {
    this.#isReady = true;
    for (const subscription of this.#streams.values()) {
      if (subscription.state === "paused" && !this.#isFull(subscription, 1)) this.#ask(subscription);
    }
  }

  /** The connection is over. */
  onDisconnected(): void {
    this.#isReady = false;
    this.#unanswered.clear();
    for (const subscription of this.#streams.values()) {
      if (subscription.state !== "new") subscription.state = "paused";
    }
  }

  /** Ends every stream; what waits can still be taken. */
  end(error: unknown): void {
    this.#ended = { error };
    for (const subscription of this.#streams.values()) this.#unsubscribe(subscription, error);
  }

  onSubscribed({ stream, lastEventId }: Of<"subscribed">): void {
    const subscription = this.#streams.get(stream);
    if (!this.#isLastAnswer(stream) || subscription?.state !== "subscribing") return;
    subscription.state = "subscribed";
    subscription.refusals = 0;
    if (subscription.after !== undefined) return;
    subscription.after = text(lastEventId);
    subscription.queue.put({ kind: "began", cursor: subscription.after }, 0);
  }

  /** Takes an event whose frame had so many characters; returns whether it is new. */
  onEvent({ stream, cursor, envelope }: Of<"event">, chars: number): boolean {
    const subscription = this.#streams.get(stream);
    if (subscription?.state !== "subscribed") return false;
    const id = text(envelope?.id);
    subscription.after = text(cursor);
    const isNew = subscription.recent.add(id);
    if (isNew) this.#put(subscription, { kind: "event", event: { ...envelope, cursor } }, chars);
    return isNew;
  }

  onGap({ type: _, stream, ...gap }: Of<"gap">, chars: number): void {
    const subscription = this.#streams.get(stream);
    if (subscription?.state !== "subscribed") return;
    subscription.after = text(gap.resumes_at);
    this.#put(subscription, { kind: "gap", gap }, chars);
  }

  /** A stream was refused. It ends, unless that may pass. */
  onRefused(name: string, error: TidegateError): void {
    const subscription = this.#streams.get(name);
    if (!this.#isLastAnswer(name) || subscription?.state !== "subscribing") return;
    if (error.code !== "rate_limited") return this.#unsubscribe(subscription, error);
    subscription.state = "refused";
    const wait = backoffMs(subscription.refusals, undefined, this.limits.backoff);
    subscription.refusals += 1;
    void sleep(wait, subscription.ending.signal).then(() => {
      if (subscription.state === "refused") this.#ask(subscription);
    });
  }

  async *#items(
    subscription: SocketStream, onGap: ((gap: Gap) => void) | undefined, stopForwarding: () => void,
  ): AsyncGenerator<StreamEvent, undefined> {
    const { queue, keeper, ending } = subscription;
    try {
      subscription.after ??= await keeper.load(ending.signal);
      subscription.state = "paused";
      this.#ask(subscription);
      for (;;) {
        const item = await queue.take();
        if (item === undefined) return;
        if (item.kind === "event") yield item.event;
        else if (item.kind === "gap") reportGap(item.gap, onGap);
        if (item.kind !== "gap") keeper.note(item.kind === "event" ? item.event.cursor : item.cursor);
        if (subscription.state === "paused" && !this.#isFull(subscription, 1 / 4)) this.#ask(subscription);
      }
    } finally {
      stopForwarding();
      this.#unsubscribe(subscription);
      await keeper.flush();
    }
  }

  /** Queues an item; a stream whose queue is full then is left until its consumer has taken some. */
  #put(subscription: SocketStream, item: Item, chars: number): void {
    subscription.queue.put(item, chars);
    if (!this.#isFull(subscription, 1)) return;
    subscription.state = "paused";
    this.send({ type: "unsubscribe", stream: subscription.name });
  }

  /** Whether so much waits as this share of what may. */
  #isFull({ queue }: SocketStream, share: number): boolean {
    return queue.length >= this.limits.queueMax * share || queue.size >= this.limits.queueCharsMax * share;
  }

  /** Whether an answer is that of the newest question; earlier ones were of readers that have left since. */
  #isLastAnswer(name: string): boolean {
    const unanswered = (this.#unanswered.get(name) ?? 0) - 1;
    this.#unanswered.set(name, Math.max(0, unanswered));
    return unanswered === 0;
  }

  #ask(subscription: SocketStream): void {
    if (!this.#isReady || this.#streams.get(subscription.name) !== subscription) return;
    subscription.state = "subscribing";
    const { name, after } = subscription;
    this.#unanswered.set(name, (this.#unanswered.get(name) ?? 0) + 1);
    this.send({ type: "subscribe", stream: name, ref: `s:${name}`, ...(after === undefined ? {} : { after }) });
  }

  #unsubscribe(subscription: SocketStream, error?: unknown): void {
    if (this.#streams.get(subscription.name) !== subscription) return;
    if (subscription.state === "subscribing" || subscription.state === "subscribed") this.send({ type: "unsubscribe", stream: subscription.name });
    this.#streams.delete(subscription.name);
    subscription.queue.end(error);
    subscription.ending.abort();
  }
}
