/**
 * A stream that is read for a table: rows are taken in as they come, and shown a few times a second.
 *
 * A pause stops reading, not only showing: the server waits, or sends the reader away after its limit,
 * and the cursor goes on from where it stood.
 */

import { listOrgEvents, subscribe, type Gap, type StreamEvent, type Subscription } from "tidegate";
import { noteRefusal, said } from "./api.ts";
import { gapText, History, rowOf } from "./history.ts";
import { server } from "./session.ts";

/** Showing so often at most, in milliseconds. */
const SHOW_EVERY_MS = 100;
/** Between two turns in which the page may draw, in milliseconds. */
const TURN_MS = 8;

/** Events of the window in one request. */
const PAGE_EVENTS = 500;

/** How the connection is. */
export type FeedStatus = "idle" | "connecting" | "open" | "waiting" | "paused" | "ended";

/** Where reading begins. */
export interface FeedStart {
  stream: string;
  /** A cursor to go on after; without one, from now on. */
  after?: string;
  /** Whether what the server still has of the stream comes first. */
  isFromWindow?: boolean;
  /** Names to be sent alone. */
  events?: string;
}

/** A stream, its rows, and how it is. */
export class Feed {
  readonly history = new History();
  status: FeedStatus = "idle";
  error = "";
  /** The cursor behind the last row. */
  cursor = "";
  /** Events that came in the last whole second. */
  perSecond = 0;
  #subscription: Subscription<StreamEvent> | undefined;
  #resume: (() => void) | undefined;
  #generation = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #second = { at: 0, events: 0 };

  #watcher: (() => void) | undefined;

  /** Tells of changes, a few times a second at most, until the returned function is called. */
  watch(onChange: () => void): () => void {
    this.#watcher = onChange;
    return () => {
      if (this.#watcher === onChange) this.#watcher = undefined;
    };
  }

  /** Begins to read, and ends what was read before. */
  start(from: FeedStart): void {
    this.stop();
    this.error = "";
    this.cursor = from.after ?? "";
    this.#set("connecting");
    void this.#read(from, (this.#generation += 1));
  }

  /** Ends reading; what came stays. */
  stop(): void {
    this.#generation += 1;
    void this.#subscription?.return?.();
    this.#subscription = undefined;
    this.#resume?.();
    this.#resume = undefined;
    if (this.status !== "idle") this.#set("ended");
  }

  /** Stops reading for a while. */
  pause(): void {
    if (this.#subscription) this.#set("paused");
  }

  /** Reads on. */
  resume(): void {
    if (this.status !== "paused") return;
    this.#set("open");
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Forgets what came; reading goes on. */
  clear(): void {
    this.history.clear();
    this.#changed();
  }

  async #read(from: FeedStart, generation: number): Promise<void> {
    const isMine = () => generation === this.#generation;
    const note = (text: string) => isMine() && this.history.add({ kind: "note", at: new Date().toISOString(), text });
    const status = (to: FeedStatus) => isMine() && this.status !== "paused" && this.#set(to);
    const addGap = (gap: Gap) => isMine() && this.history.add({ kind: "gap", at: new Date().toISOString(), text: gapText(gap), gap });
    let after = from.after;
    try {
      if (from.isFromWindow) after = await this.#readWindow(from, isMine, addGap);
    } catch (error) {
      this.#fail(error, isMine());
      return;
    }
    if (!isMine()) return;
    const events = subscribe(from.stream, {
      ...server.value, after, events: from.events || undefined,
      onConnected: (connected) => (note(`Connected: ${connected.resume}, ${connected.replayed} to be replayed.`), status("open")),
      onRetry: (error, waitMs) => (note(`The connection is lost (${said(error)}); the next attempt comes in ${(waitMs / 1000).toFixed(1)} s.`), status("waiting")),
      onGoodbye: (goodbye) => note(`The server ends the connection: ${goodbye.reason}.`),
      onGap: addGap,
    });
    this.#subscription = events;
    try {
      await this.#takeAll(events, isMine);
    } catch (error) {
      this.#fail(error, isMine());
    }
  }

  #fail(error: unknown, isMine: boolean): void {
    if (!isMine) return;
    noteRefusal(error);
    this.error = said(error);
    this.#set("ended");
  }

  /** Takes in what the server still has of the stream; returns the cursor behind it. */
  async #readWindow(from: FeedStart, isMine: () => boolean, onGap: (gap: Gap) => void): Promise<string | undefined> {
    const stream = from.stream === "events" ? undefined : from.stream;
    for (let after: string | undefined; ; ) {
      const page = await listOrgEvents({ stream, after, limit: PAGE_EVENTS }, server.value);
      if (!isMine()) return undefined;
      if (page.gap) onGap(page.gap);
      for (const event of page.events) if (isNamed(event.event, from.events)) this.history.add(rowOf(event));
      this.cursor = after = page.next;
      this.#changed();
      if (!page.has_more) return after;
    }
  }

  async #takeAll(events: Subscription<StreamEvent>, isMine: () => boolean): Promise<void> {
    let turn = performance.now();
    for await (const event of events) {
      if (!isMine()) return;
      this.history.add(rowOf(event));
      this.cursor = event.cursor;
      this.#count();
      this.#changed();
      if (this.status === "paused") await new Promise<void>((resolve) => (this.#resume = resolve));
      if (performance.now() - turn > TURN_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
    }
  }

  #count(): void {
    const now = Date.now();
    if (now - this.#second.at >= 1000) {
      this.perSecond = now - this.#second.at < 2000 ? this.#second.events : 0;
      this.#second = { at: now, events: 0 };
    }
    this.#second.events += 1;
  }

  #set(status: FeedStatus): void {
    this.status = status;
    this.#changed();
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#watcher?.();
    }, SHOW_EVERY_MS);
  }
}

/** Whether a name is one of those wanted, as the server filters: a list divided by commas, `*` at an end. */
function isNamed(name: string, wanted: string | undefined): boolean {
  const list = (wanted ?? "").split(",").map((one) => one.trim()).filter(Boolean);
  return list.length === 0 || list.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one));
}
