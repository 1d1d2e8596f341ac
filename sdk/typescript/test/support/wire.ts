/** A socket whose server is the test, frame by frame. */

import { openSocket, type SocketOptions } from "../../src/index.ts";

/** Short waits between connections. */
export const backoff = { baseMs: 5, maxMs: 20 };

/** A WebSocket whose other end is the test. */
export class Wire {
  static all: Wire[] = [];
  readyState = 1;
  said: Record<string, unknown>[] = [];
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number; reason: string }) => void;
  onerror?: () => void;

  constructor(readonly url: string) {
    Wire.all.push(this);
    queueMicrotask(() => Wire.script(Wire.all.length, this));
  }

  static script: (n: number, wire: Wire) => void = () => {};

  send(text: string): void {
    this.said.push(JSON.parse(text) as Record<string, unknown>);
    Wire.answer(Wire.all.indexOf(this) + 1, this, this.said.at(-1) ?? {});
  }

  static answer: (n: number, wire: Wire, frame: Record<string, unknown>) => void = () => {};

  hear(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  close(): void {
    this.readyState = 3;
  }
}

/** The server's first frame. */
export const connected = { type: "connected", orgId: "org_a", backend: "memory", realtimeStatus: "healthy" };
/** Says that `events` is followed. */
export const subscribed = { type: "subscribed", stream: "events", resume: "fresh", replayed: 0, lastEventId: "c-0" };
/** Makes the frame of an event whose number is its cursor. */
export const event = (n: number) => ({
  type: "event", stream: "events", cursor: `c-${n}`,
  envelope: { id: `evt_${n}`, org_id: "org_a", event: "a", timestamp: "", version: "v1", payload: { n } },
});

/** Opens a socket on wires alone. */
export function open(more: Partial<SocketOptions> = {}) {
  Wire.all = [];
  const ticket = () => "t";
  return openSocket({ url: "http://127.0.0.1:9", ticket, backoff, WebSocket: Wire as unknown as SocketOptions["WebSocket"], ...more });
}
