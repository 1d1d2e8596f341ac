/**
 * The items of a source, from its frames: cursors, repeats, gaps and what the server's own frames ask for.
 *
 * Knows nothing of how connections are kept; that is `frames.ts`.
 */

import { TidegateError } from "./errors.ts";
import { frames, type FrameOptions, type ReadPosition } from "./frames.ts";
import type { Connected, Gap, Goodbye } from "./generated.ts";
import { RecentIds } from "./recent-ids.ts";
import type { Frame } from "./sse.ts";
import { CursorKeeper } from "./storage.ts";
import type { SubscribeOptions, Subscription } from "./subscribe.ts";
import { forwardAbort } from "./wait.ts";

/** So often in a row may a frame be no good; each time but the last it is asked for again. */
const BROKEN_IN_A_ROW_MAX = 3;

/** What is read, and how frames become items. */
export interface Source<T> {
  url: URL;
  /** The cursor's name in a storage. */
  key: string;
  /** Makes an item; what it throws means that the frame is broken, but for a {@link TidegateError}. */
  decode: (frame: Frame) => T;
  /** Says what a repeat is; absent: there is none. */
  idOf?: (item: T) => string;
  /** Whether every frame is an item, the server's own ones too. */
  isPlain?: boolean;
}

/** Reads the items of a source; can be ended while it waits. */
export function read<T>(source: Source<T>, options: SubscribeOptions & FrameOptions): Subscription<T> {
  const ending = new AbortController();
  const inner = items(source, options, ending);
  return {
    next: () => inner.next(),
    return: (value?: unknown) => (ending.abort(), inner.return(value as undefined)),
    throw: (error?: unknown) => (ending.abort(), inner.throw(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* items<T>(
  source: Source<T>, options: SubscribeOptions & FrameOptions, ending: AbortController,
): AsyncGenerator<T, undefined> {
  const keeper = cursorKeeper(source.key, options);
  const recent = new RecentIds(options.repeatsWindow ?? 4096);
  const position: ReadPosition = { after: options.after, pauseMs: undefined, broken: undefined };
  const stopForwarding = forwardAbort(options.signal, ending);
  let brokenInARow = 0;
  try {
    position.after ??= await keeper.load(ending.signal);
    for await (const frame of frames(source.url, position, options, ending.signal)) {
      const decoded = decodeFrame(source, frame, position, keeper, options);
      if (decoded instanceof TidegateError) {
        position.broken = decoded;
        if ((brokenInARow += 1) >= BROKEN_IN_A_ROW_MAX) throw decoded;
      } else if ("act" in decoded) {
        decoded.act();
      } else {
        if (!source.idOf || recent.add(source.idOf(decoded.item))) {
          brokenInARow = 0;
          yield decoded.item;
        }
        if (frame.id || source.isPlain) position.after = frame.id;
        if (frame.id) keeper.note(frame.id);
      }
      if (ending.signal.aborted) return;
    }
  } finally {
    stopForwarding();
    await keeper.flush();
  }
}

/** Returns what keeps the cursor of a subscription. */
export function cursorKeeper(key: string, options: Pick<SubscribeOptions, "storage" | "storageKey" | "saveEveryMs" | "onStorageError">): CursorKeeper {
  const warn = options.onStorageError ?? ((error) => console.warn("tidegate: the cursor is not kept:", error));
  return new CursorKeeper(options.storage, options.storageKey ?? key, options.saveEveryMs ?? 1000, warn);
}

/** Calls `onGap`, or writes a warning where there is none. */
export function reportGap(gap: Gap, onGap: ((gap: Gap) => void) | undefined): void {
  if (onGap) onGap(gap);
  else console.warn("tidegate: events may be missing:", gap);
}

/** Returns a frame's item, what one of the server's own frames asks for, or `bad_frame`. */
function decodeFrame<T>(
  source: Source<T>, frame: Frame, position: ReadPosition, keeper: CursorKeeper, options: SubscribeOptions,
): { item: T } | { act: () => void } | TidegateError {
  try {
    const act = source.isPlain ? undefined : controlFrame(frame, position, keeper, options);
    return act ? { act } : { item: source.decode(frame) };
  } catch (cause) {
    // Told by `decode` itself: no broken frame, but the end.
    if (cause instanceof TidegateError) throw cause;
    return new TidegateError("bad_frame", `a frame \`${frame.event}\` can't be read`, { cause });
  }
}

/** Reads one of the server's own frames, and returns what it asks for; undefined for any other. */
function controlFrame(frame: Frame, position: ReadPosition, keeper: CursorKeeper, options: SubscribeOptions): (() => void) | undefined {
  switch (frame.event) {
    case "connected": {
      const connected = JSON.parse(frame.data) as Connected;
      const cursor = text(connected.lastEventId);
      return () => {
        beginAt(cursor, position, keeper);
        options.onConnected?.(connected);
      };
    }
    case "gap": {
      const gap = JSON.parse(frame.data) as Gap;
      const resumesAt = text(gap.resumes_at);
      return () => {
        position.after = resumesAt;
        reportGap(gap, options.onGap);
      };
    }
    case "goodbye": {
      const goodbye = JSON.parse(frame.data) as Goodbye;
      const pauseMs = pauseOf(goodbye);
      return () => {
        position.pauseMs = pauseMs;
        options.onGoodbye?.(goodbye);
      };
    }
    case "ping":
      // The first of a thread's messages says where they begin.
      return () => beginAt(frame.id, position, keeper);
    default:
      return undefined;
  }
}

/** Keeps where a stream begins, before any event: what comes until the next start of the program is not missed. */
function beginAt(cursor: string, position: ReadPosition, keeper: CursorKeeper): void {
  if (!position.after && cursor) keeper.note((position.after = cursor));
}

/** Returns how long the server wants the pause to be, where it says so. */
export function pauseOf(goodbye: Goodbye): number | undefined {
  return goodbye.retry_ms >= 0 ? goodbye.retry_ms : undefined;
}

/** Returns a text of a frame; throws a SyntaxError where it is none. */
export function text(value: unknown): string {
  if (typeof value !== "string") throw new SyntaxError("no text");
  return value;
}
