/** What a socket does with what the real server never sends, and in what runtime it may not be. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSocket, TidegateError, type Gap, type SocketOptions } from "../src/index.ts";
import { fake, refuse, take } from "./support/fake.ts";
import { backoff, connected, event, open, subscribed, Wire } from "./support/wire.ts";

const timeout = { timeout: 20_000 };

test("a broken frame ends the connection, and the stream goes on after its cursor", timeout, async () => {
  for (const broken of ["{", "null", '"x"', '{"type":"event","stream":"events"}']) {
    Wire.script = (_, wire) => wire.hear(connected);
    Wire.answer = (n, wire, frame) => {
      if (frame["type"] !== "subscribe") return;
      for (const one of [subscribed, ...(n === 1 ? [event(1), broken, event(3)] : [event(1), event(2), event(3)])]) wire.hear(one);
    };
    const socket = open();
    const events = await take(socket.subscribe("events"), 3);
    assert.deepEqual(events.map((one) => one.cursor), ["c-1", "c-2", "c-3"], broken);
    assert.equal(Wire.all[1]?.said[0]?.["after"], "c-1");
    socket.close();
    await socket.done;
  }
});

test("goodbye, a gap and closed connections", timeout, async () => {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (n, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    wire.hear(subscribed);
    if (n === 1) {
      wire.hear({ type: "gap", stream: "events", reason: "lagged", after: "c-1", resumes_at: "c-5", missed: 4 });
      wire.hear({ type: "goodbye", reason: "drain", retry_ms: 30 });
      wire.onclose?.({ code: 1001, reason: "" });
    } else if (n === 2) wire.onclose?.({ code: 1013, reason: "" });
    else wire.hear(event(6));
  };
  const waits: number[] = [];
  const gaps: Gap[] = [];
  const socket = open({ onRetry: (_, waitMs) => void waits.push(waitMs) });
  await take(socket.subscribe("events", { onGap: (gap) => void gaps.push(gap) }), 1);
  assert.equal(waits[0], 30);
  assert.deepEqual(gaps.map((gap) => gap.missed), [4]);
  assert.equal(Wire.all[1]?.said[0]?.["after"], "c-5");
  socket.close();
});

test("a publish without its answer is sent again with its key", timeout, async () => {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (n, wire, frame) => {
    if (n === 1) wire.onclose?.({ code: 1006, reason: "" });
    else wire.hear({ type: "ack", ref: frame["ref"], id: "evt_1", cursor: "c-1" });
  };
  const socket = open();
  assert.deepEqual(await socket.publish("a", {}), { id: "evt_1", cursor: "c-1" });
  const keys = Wire.all.map((wire) => wire.said.find((frame) => frame["type"] === "publish")?.["idempotency_key"]);
  assert.ok(keys[0] && keys[0] === keys[1], String(keys));
  socket.close();
});

test("silence is asked about, and then ends the connection", timeout, async () => {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (n, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    wire.hear(subscribed);
    if (n > 1) wire.hear(event(1));
  };
  const socket = open({ silenceMsMax: 40 });
  await take(socket.subscribe("events"), 1);
  assert.equal(Wire.all[0]?.said.at(-1)?.["ref"], "alive");
  socket.close();
});

test("a signal ends a socket at every await", timeout, async () => {
  const never = () => new Promise<string>(() => {});
  Wire.answer = () => {};
  for (const [what, script, more] of [
    ["the ticket", () => {}, { ticket: never }],
    ["the connection", () => {}, {}],
    ["the stream", (_: number, wire: Wire) => wire.hear(connected), {}],
    ["the pause", (_: number, wire: Wire) => wire.onerror?.(), { backoff: { baseMs: 60_000, maxMs: 60_000 } }],
  ] as [string, typeof Wire.script, Partial<SocketOptions>][]) {
    Wire.script = script;
    const ending = new AbortController();
    const socket = open({ ...more, signal: ending.signal });
    const events = take(socket.subscribe("events"), 1);
    const published = assert.rejects(socket.publish("a", {}), (error) => error instanceof TidegateError);
    setTimeout(() => ending.abort(), 30);
    assert.deepEqual(await events, [], what);
    await published;
    await socket.done;
  }
});

test("a socket has the headers, and a credential that none can carry is a mistake", timeout, async () => {
  let seen: Record<string, string> = {};
  class WithHeaders extends Wire {
    constructor(url: string, init: { headers: Record<string, string> }) {
      super(url);
      seen = init.headers;
    }
  }
  Wire.script = (_, wire) => wire.hear(connected);
  const known = { ticket: undefined, WebSocket: WithHeaders as unknown as SocketOptions["WebSocket"] };
  const socket = open({ ...known, token: "t", headers: { "x-tenant": "a" } });
  while (Wire.all.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(seen, { authorization: "Bearer t", "x-tenant": "a" });
  socket.close();
  await assert.rejects(open({ ...known, apiKey: "a\nb" }).done, { code: "usage" });
});

test("a runtime without a WebSocket says what to do", timeout, async () => {
  const real = globalThis.WebSocket;
  (globalThis as { WebSocket?: unknown }).WebSocket = undefined;
  try {
    await assert.rejects(openSocket({ url: "http://127.0.0.1:9", apiKey: "k" }).done, /--experimental-websocket/);
  } finally {
    globalThis.WebSocket = real;
  }
});

test("a server that refuses the handshake is asked why", timeout, async () => {
  const server = await fake((_, request, response) => {
    if (request.url === "/api/stream/ticket") refuse(response, 403, "forbidden");
    else response.writeHead(200, { "content-type": "text/html" }).end("<html>");
  });
  await assert.rejects(openSocket({ url: server.url, apiKey: "k", backoff }).done, /no: forbidden/);
  server.close();
});
