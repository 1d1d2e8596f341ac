/**
 * The life of one WebSocket: what the server says on it, and how it ends, also where nobody says so.
 *
 * Owns silence and ends; what frames mean is `websocket.ts`.
 */

import { TidegateError } from "./errors.ts";
import type { Connected, Envelope, Gap, Goodbye } from "./generated.ts";

/** What the server sends. */
export type ServerFrame =
  | ({ type: "connected" } & Connected)
  | { type: "subscribed"; stream: string; resume: string; replayed: number; lastEventId: string }
  | { type: "event"; stream: string; cursor: string; envelope: Envelope }
  | ({ type: "gap"; stream: string } & Gap)
  | { type: "ack"; ref: string; id: string; cursor: string }
  | { type: "error"; ref?: string; code: TidegateError["code"]; message: string; request_id?: string }
  | ({ type: "goodbye" } & Goodbye);

/** How a connection is kept. */
export interface ConnectionSettings {
  /** Silence after which the server is asked, and after which it is given up when it does not answer; 0: never. */
  silenceMsMax: number;
  /** Ends it without an error. */
  signal: AbortSignal;
  /** Asks for anything at all. */
  probe: () => void;
  /** Takes each frame, and how many characters it had; what it throws ends the connection. */
  onFrame: (frame: ServerFrame, chars: number) => void;
  /** How often silence is looked at, and `check` asked. */
  tickMs: number;
  /** Returns why the connection is no good although something is heard. */
  check: () => TidegateError | undefined;
  /** Characters of one frame at most. */
  frameCharsMax: number;
}

/** What a callback of the user threw: no fault of the connection, and the end of the socket. */
export class CallbackFailure {
  constructor(readonly error: unknown) {}
}

/** Calls what the user gave; throws {@link CallbackFailure}. */
export function callback<A extends unknown[]>(given: ((...all: A) => void) | undefined, ...all: A): void {
  try {
    given?.(...all);
  } catch (error) {
    throw new CallbackFailure(error);
  }
}

/** Settles when the connection is over: resolves with the signal, and rejects with why it broke. */
export function runConnection(socket: WebSocket, { silenceMsMax, signal, probe, onFrame, check, frameCharsMax, tickMs }: ConnectionSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    let heardAt = performance.now();
    let askedAt: number | undefined;
    const watch = setInterval(() => {
      const now = performance.now();
      const problem = check();
      if (problem) return end(problem);
      if (silenceMsMax <= 0) return;
      if (askedAt !== undefined) {
        if (now - askedAt >= silenceMsMax) end(new TidegateError("timeout", `nothing was heard for ${Math.round(now - heardAt)} ms`));
      } else if (now - heardAt >= silenceMsMax) {
        askedAt = now;
        probe();
      }
    }, tickMs);
    const end = (error?: unknown) => {
      clearInterval(watch);
      // What still comes on a connection that was given up would leave a hole.
      socket.onmessage = socket.onclose = null;
      // That of the package `ws` throws an error that nobody listens to, as when it is closed before it is open.
      socket.onerror = () => {};
      signal.removeEventListener("abort", stop);
      if (error === undefined) resolve();
      else reject(error);
    };
    const stop = () => end();
    signal.addEventListener("abort", stop);
    socket.onmessage = ({ data }: MessageEvent) => {
      heardAt = performance.now();
      askedAt = undefined;
      const text = String(data);
      if (text.length > frameCharsMax) return end(new TidegateError("too_large", "a frame is larger than `frameCharsMax`"));
      try {
        onFrame(JSON.parse(text) as ServerFrame, text.length);
      } catch (cause) {
        end(cause instanceof TidegateError || cause instanceof CallbackFailure ? cause : new TidegateError("bad_frame", "a frame can't be read", { cause }));
      }
    };
    socket.onerror = () => end(new TidegateError("network", `${new URL(socket.url).origin} can't be reached, or refused`));
    socket.onclose = ({ code, reason }: CloseEvent) => {
      if (code === 1008) end(new TidegateError("unauthorized", reason || "the credential is no longer good", { status: 401 }));
      else if (code === 1009) end(new TidegateError("too_large", "the server closed the connection over a frame that is too large", { status: 413 }));
      else end(new TidegateError("network", `the connection was closed (${code})`));
    };
  });
}
