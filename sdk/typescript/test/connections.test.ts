/** What a reader remembers of its connections, and what it forgets with a good one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { publishOrgEvent, subscribe } from "../src/index.ts";
import { against, event, own, refuse, stream, take } from "./support/fake.ts";
import { until } from "./support/program.ts";
import { connected, event as frameOf, open, subscribed, Wire } from "./support/wire.ts";

const backoff = { baseMs: 1, maxMs: 4 };
const timeout = { timeout: 20_000 };

test("failures in a row are counted, and a good connection ends the row", timeout, () =>
  against((n, _, response) => (n % 2 === 1 ? refuse(response, 503, "unavailable") : void stream(response, event(n)).end()),
    async ({ url }) => assert.equal((await take(subscribe("events", { url, backoff, attemptsMax: 2 }), 6)).length, 6)));

test("a token is asked for once more each time that it has ended", timeout, () =>
  against((n, _, response) => (n % 2 === 1 ? refuse(response, 401, "unauthorized") : void stream(response, event(n)).end()),
    async ({ url }) => {
      const why: boolean[] = [];
      const waits: number[] = [];
      const options = { url, token: ({ isRefused }: { isRefused: boolean }) => `t${why.push(isRefused)}`, onRetry: (_: unknown, waitMs: number) => void waits.push(waitMs) };
      await take(subscribe("events", { ...options, backoff: { baseMs: 300, maxMs: 300 } }), 3);
      assert.deepEqual(why, [false, true, false, true, false, true]);
      assert.deepEqual(waits.map((wait) => wait <= 100), [true, false, true, false, true], String(waits));
    }));

test("a pause that a goodbye asked for is kept once", timeout, () =>
  against((n, _, response) => {
    if (n === 1) stream(response, own("goodbye", { reason: "drain", retry_ms: 90 })).end();
    else if (n < 4) refuse(response, 503, "unavailable");
    else stream(response, event(1));
  }, async ({ url }) => {
    const waits: number[] = [];
    await take(subscribe("events", { url, backoff, onRetry: (_, waitMs) => void waits.push(waitMs) }), 1);
    assert.deepEqual(waits.map((wait) => wait >= 90), [true, false, false], String(waits));
  }));

test("a connection is closed with its iteration, whatever ends that", timeout, async () => {
  let open = 0;
  await against((_, request, response) => {
    open += 1;
    request.socket.once("close", () => (open -= 1));
    stream(response, event(1) + event(2) + "data: {\n\n".repeat(3));
  }, async ({ url }) => {
    await take(subscribe("events", { url, headers: { connection: "close" } }), 1);
    await until("the end by break", () => open === 0);
    await assert.rejects(async () => { for await (const _ of subscribe("events", { url })) throw new Error("enough"); });
    await until("the end by a throw", () => open === 0);
    const ending = new AbortController();
    const seen: string[] = [];
    for await (const one of subscribe("events", { url, signal: ending.signal })) {
      seen.push(one.cursor);
      ending.abort();
    }
    assert.deepEqual(seen, ["c-1"], "more was given after the signal");
    await until("the end by a signal", () => open === 0);
    await assert.rejects(take(subscribe("events", { url, backoff }), 9), { code: "bad_frame" });
    await until("the end of each with a broken frame", () => open === 0);
  });
});

test("a publish goes on where another attempt with its key is under way, or was too slow", timeout, () =>
  against((n, _, response) => {
    if (n === 1) refuse(response, 409, "conflict");
    else if (n === 2) refuse(response, 408, "unavailable");
    else response.writeHead(201, { "content-type": "application/json" }).end('{"id":"evt_1"}');
  }, async ({ url, requests }) => {
    assert.equal((await publishOrgEvent("a", {}, { url, backoff })).id, "evt_1");
    assert.equal(requests.length, 3);
  }));

test("a socket's failures and refusals are forgotten with a good connection", timeout, async () => {
  const why: boolean[] = [];
  Wire.script = (n, wire) => {
    if (n % 2 === 1) return wire.onclose?.({ code: 1008, reason: "" });
    wire.hear(connected);
    if (n < 8) wire.onclose?.({ code: 1006, reason: "" });
  };
  const socket = open({ attemptsMax: 3, ticket: ({ isRefused }) => `t${why.push(isRefused)}` });
  await until("the last connection", () => Wire.all.length === 8);
  assert.deepEqual(why, [false, true, false, true, false, true, false, true]);
  socket.close();
  await socket.done;
});

test("a socket keeps a goodbye's pause once", timeout, async () => {
  const waits: number[] = [];
  Wire.script = (n, wire) => {
    wire.hear(connected);
    if (n === 1) wire.hear({ type: "goodbye", reason: "drain", retry_ms: 90 });
    wire.onclose?.({ code: 1001, reason: "" });
  };
  const socket = open({ onRetry: (_, waitMs) => void (waits.push(waitMs) === 3 && socket.close()) });
  await socket.done;
  assert.deepEqual(waits.map((wait) => wait >= 90), [true, false, false], String(waits));
});

test("a socket that answers its questions stays, however quiet it is", timeout, async () => {
  let asked = 0;
  Wire.script = (_, wire) => wire.hear(connected);
  Wire.answer = (_, wire, frame) => {
    if (frame["ref"] !== "alive") return;
    asked += 1;
    wire.hear({ type: "error", ref: "alive", code: "validation_error", message: "no such stream" });
  };
  const socket = open({ silenceMsMax: 20 });
  await until("many questions", () => asked >= 5);
  assert.equal(Wire.all.length, 1);
  socket.close();
  Wire.answer = () => {};
});

test("a stream whose queue is full is not asked for on the next connection either", timeout, async () => {
  let isUp = 0;
  Wire.script = (_, wire) => void ((isUp += 1), wire.hear(connected));
  Wire.answer = (_, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    const begin = Number(String(frame["after"] ?? "c-0").slice(2));
    for (const one of [subscribed, ...Array.from({ length: 9 }, (_, n) => frameOf(begin + n + 1))]) wire.hear(one);
  };
  const socket = open({ queueMax: 4 });
  const events = socket.subscribe("events", { after: "c-0" });
  await events.next();
  Wire.all[0]?.onclose?.({ code: 1006, reason: "" });
  await until("the next connection", () => isUp === 2);
  assert.deepEqual(Wire.all[1]?.said, []);
  for (let n = 2; n < 20; n += 1) assert.equal((await events.next()).value.cursor, `c-${n}`);
  await events.return?.();
  socket.close();
  Wire.answer = () => {};
});

test("publishes that wait are bounded, and end with the socket", timeout, async () => {
  Wire.script = () => {};
  const socket = open();
  const waiting = Array.from({ length: 10_000 }, () => socket.publish("a", {}).catch((error: unknown) => error));
  await assert.rejects(socket.publish("a", {}), { code: "usage" });
  socket.close();
  await socket.done;
  assert.equal(new Set((await Promise.all(waiting)).map(String)).size, 1);
});
