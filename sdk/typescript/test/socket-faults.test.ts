/** Faults of a socket's server and of its user: each ends with a resume, or with an error that says what it was. */

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { memoryStorage, type StreamEvent } from "../src/index.ts";
import { code, take } from "./support/fake.ts";
import { until } from "./support/program.ts";
import { connected, event, open, subscribed, Wire } from "./support/wire.ts";

const timeout = { timeout: 20_000 };
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
const cursors = (events: StreamEvent[]) => events.map((one) => one.cursor);

/** Answers each subscription with these frames, behind `subscribed`. */
function following(frames: (n: number, after: unknown) => unknown[]): void {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (n, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    for (const one of [{ ...subscribed, stream: frame["stream"] }, ...frames(n, frame["after"])]) wire.hear(one);
  };
}

before(() => void process.on("unhandledRejection", note));
afterEach(() => void (Wire.answer = Wire.script = () => {}));
after(() => {
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

test("what a callback throws ends the socket, or the stream that it belongs to", timeout, async () => {
  const oops = () => { throw new Error("oops"); };
  following(() => [event(1), { type: "goodbye", reason: "drain", retry_ms: 1 }]);
  for (const more of [{ onConnected: oops }, { onGoodbye: oops }]) {
    const socket = open(more);
    const reading = assert.rejects(take(socket.subscribe("events"), 9), /oops/);
    await assert.rejects(socket.done, /oops/);
    await reading;
    assert.equal(Wire.all.length, 1);
  }
  following(() => [{ type: "gap", stream: "events", reason: "lagged", after: "c-0", resumes_at: "c-5", missed: 5 }, event(6)]);
  const socket = open();
  await assert.rejects(take(socket.subscribe("events", { onGap: oops }), 1), /oops/);
  assert.deepEqual(cursors(await take(socket.subscribe("events", { onGap: () => {} }), 1)), ["c-6"]);
  assert.equal(Wire.all.length, 1);
  socket.close();
});

test("a stream whose storage is slow does not begin before its cursor is known", timeout, async () => {
  following((_, begin) => (begin === "c-3" ? [event(4)] : [event(9)]));
  let isConnected = false;
  const socket = open({ onConnected: () => void (isConnected = true) });
  const load = () => until("the connection", () => isConnected).then(() => "c-3");
  assert.deepEqual(cursors(await take(socket.subscribe("events", { storage: { load, save: () => {} } }), 1)), ["c-4"]);
  socket.close();
});

test("where a stream began is kept before its first event", timeout, async () => {
  following(() => []);
  const socket = open();
  const storage = memoryStorage();
  const waiting = take(socket.subscribe("events", { storage }), 1);
  await until("the place", () => storage.load("events") === "c-0");
  socket.close();
  assert.deepEqual(await waiting, []);
});

test("a gap keeps its place among the events of a slow consumer", timeout, async () => {
  const gap = { type: "gap", stream: "events", reason: "unknown_cursor", after: "c-2", resumes_at: "c-7", missed: null };
  following(() => [event(1), event(2), gap, event(8)]);
  const socket = open();
  const seen: string[] = [];
  for await (const one of socket.subscribe("events", { onGap: ({ reason }) => void seen.push(reason) })) {
    seen.push(one.cursor);
    if (one.cursor === "c-8") break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(seen, ["c-1", "c-2", "unknown_cursor", "c-8"]);
  socket.close();
});

test("a frame that stays broken ends the socket, and one that is too large does at once", timeout, async () => {
  following(() => ["{"]);
  const socket = open();
  await assert.rejects(take(socket.subscribe("events"), 1), code("bad_frame"));
  assert.equal(Wire.all.length, 3);
  for (const bad of [{ type: "gap", stream: "events", resumes_at: 7 }, { ...event(1), cursor: null }]) {
    following((n) => (n === 1 ? [bad] : [event(2)]));
    const other = open();
    assert.deepEqual(cursors(await take(other.subscribe("events", { after: "c-0" }), 1)), ["c-2"]);
    assert.equal(Wire.all[1]?.said[0]?.["after"], "c-0");
    other.close();
  }
  following(() => [{ ...event(1), pad: "x".repeat(2000) }]);
  const bounded = open({ frameCharsMax: 1000 });
  await assert.rejects(take(bounded.subscribe("events"), 1), code("too_large"));
  assert.equal(Wire.all.length, 1);
});

test("what waits for a consumer is bounded by its size too", timeout, async () => {
  const large = (n: number) => ({ ...event(n), envelope: { ...event(n).envelope, payload: { n, pad: "x".repeat(1000) } } });
  following((_, begin) => Array.from({ length: 50 }, (_, n) => large(Number(String(begin ?? "c-0").slice(2)) + n + 1)));
  const socket = open({ queueCharsMax: 5000 });
  const events = socket.subscribe("events");
  await events.next();
  await until("the end of the subscription", () => Wire.all[0]?.said.some((frame) => frame["type"] === "unsubscribe"));
  const rest: string[] = [];
  for (let n = 0; n < 20; n += 1) rest.push((await events.next()).value.cursor);
  assert.deepEqual(rest, Array.from({ length: 20 }, (_, n) => `c-${n + 2}`));
  assert.ok((Wire.all[0]?.said.filter((frame) => frame["type"] === "subscribe").length ?? 0) >= 4);
  await events.return?.();
  socket.close();
});

test("a stream that is one too many waits, and the others go on", timeout, async () => {
  let asked = 0;
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (_, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    const { stream, ref } = frame as { stream: string; ref: string };
    if (stream === "ops" && (asked += 1) < 4) return wire.hear({ type: "error", ref, code: "rate_limited", message: "too many" });
    wire.hear({ ...subscribed, stream });
    wire.hear({ ...event(1), stream });
  };
  const socket = open();
  const [one, other] = await Promise.all([take(socket.subscribe("events"), 1), take(socket.subscribe("ops"), 1)]);
  assert.equal(one.length + other.length, 2);
  assert.equal(asked, 4);
  assert.equal(Wire.all.length, 1);
  socket.close();
});

test("the answer to a reader that has left is not taken for the next one's", timeout, async () => {
  const asked: unknown[] = [];
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (_, wire, frame) => {
    if (frame["type"] !== "subscribe" || asked.push(frame["after"]) < 2) return;
    for (const one of [subscribed, event(101), subscribed, event(51), event(52)]) wire.hear(one);
  };
  let isConnected = false;
  const socket = open({ onConnected: () => void (isConnected = true) });
  await until("the connection", () => isConnected);
  const left = socket.subscribe("events");
  const waiting = left.next();
  await until("the first question", () => asked.length === 1);
  await left.return?.();
  await waiting;
  assert.deepEqual(cursors(await take(socket.subscribe("events", { after: "c-50" }), 2)), ["c-51", "c-52"]);
  assert.equal(Wire.all.length, 1);
  socket.close();
});

test("an acknowledgement that never comes is asked for on another connection, and not for ever", timeout, async () => {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (n, wire, frame) => {
    if (n === 2 && frame["event"] === "a") wire.hear({ type: "ack", ref: frame["ref"], id: "evt_1", cursor: "c-1" });
  };
  const socket = open({ answerMsMax: 20, silenceMsMax: 10_000 });
  assert.equal((await socket.publish("a", {})).id, "evt_1");
  const keys = Wire.all.map((wire) => wire.said[0]?.["idempotency_key"]);
  assert.ok(keys.length === 2 && keys[0] === keys[1], String(keys));
  await assert.rejects(socket.publish("b", {}), code("timeout"));
  assert.ok(Wire.all.length <= 6, String(Wire.all.length));
  socket.close();
});

test("a payload that is no JSON is refused, and nothing of it stays", timeout, async () => {
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (_, wire, frame) => wire.hear({ type: "ack", ref: frame["ref"], id: "evt_1", cursor: "c-1" });
  const socket = open();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  await assert.rejects(socket.publish("a", circle), code("usage"));
  await assert.rejects(socket.publish("a", { n: 1n }), code("usage"));
  const payload = { n: 1 };
  const sent = socket.publish("a", payload);
  payload.n = 2;
  await sent;
  assert.deepEqual(Wire.all[0]?.said.map((frame) => frame["payload"]), [{ n: 1 }]);
  assert.equal(Wire.all.length, 1);
  socket.close();
});

test("a ticket whose time is over is followed by another", timeout, async () => {
  Wire.script = (n, wire) => {
    wire.hear(connected);
    if (n === 1) wire.onclose?.({ code: 1008, reason: "token_expired" });
  };
  const why: boolean[] = [];
  const socket = open({ ticket: ({ isRefused }) => `t${why.push(isRefused)}` });
  await until("another connection", () => Wire.all.length === 2);
  assert.deepEqual(why, [false, true]);
  assert.match(Wire.all[1]?.url ?? "", /ticket=t2/);
  socket.close();
});

test("a stream's own signal ends it while its storage is asked, and keeps nothing of it", timeout, async () => {
  following(() => []);
  const socket = open();
  const ending = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = ending.signal;
  ending.signal.addEventListener = (...all: unknown[]) => ((listeners += 1), addEventListener.apply(ending.signal, all as never));
  ending.signal.removeEventListener = (...all: unknown[]) => ((listeners -= 1), removeEventListener.apply(ending.signal, all as never));
  const never = { load: () => new Promise<never>(() => {}), save: () => {} };
  const waiting = socket.subscribe("events", { storage: never, signal: ending.signal }).next();
  ending.abort();
  assert.deepEqual(await waiting, { value: undefined, done: true });
  const byReturn = socket.subscribe("events", { storage: never });
  const next = byReturn.next();
  await byReturn.return?.();
  assert.equal((await next).done, true);
  assert.equal(listeners, 0);
  socket.close();
});

test("a socket that has failed says so to whoever reads it later", timeout, async () => {
  Wire.script = (_, wire) => wire.onclose?.({ code: 1008, reason: "" });
  const socket = open({ ticket: () => "t", attemptsMax: 1 });
  await assert.rejects(socket.done, code("unauthorized"));
  await assert.rejects(take(socket.subscribe("events"), 1), code("unauthorized"));
  await assert.rejects(socket.publish("a", {}), code("network"));
});

test("errors without an end or a sense are none of a stream's", timeout, async () => {
  following((n) => (n > 1 ? [event(1)] : [{ type: "error" }, { type: "error", ref: "s:other", code: "forbidden", message: "no" }, { type: "ack", ref: "77", id: "e", cursor: "c" },
    { type: "unheard_of" }, event(1)]));
  const socket = open();
  assert.deepEqual(cursors(await take(socket.subscribe("events"), 1)), ["c-1"]);
  assert.equal(Wire.all.length, 1);
  socket.close();
});

test("a WebSocket that is closed before it is open, as of the package ws, ends quietly", timeout, async () => {
  class Early extends Wire {
    override readyState = 0;
    override close(): void {
      if (this.readyState === 0) setTimeout(() => this.onerror ? this.onerror() : note(new Error("an error that nobody listens to")), 1);
      this.readyState = 3;
    }
  }
  const socket = open({ WebSocket: Early as never });
  await until("the attempt", () => Wire.all.length === 1);
  socket.close();
  await socket.done;
  await new Promise((resolve) => setTimeout(resolve, 20));
});
