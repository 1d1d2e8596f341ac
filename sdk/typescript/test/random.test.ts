/** Readers against servers that break at random, and that are left and begun anew: nothing lost, nothing twice, in order. */

import assert from "node:assert/strict";
import type http from "node:http";
import { after, before, test } from "node:test";
import { memoryStorage, subscribe, type StreamEvent, type Subscription } from "../src/index.ts";
import { against, event, own, refuse, stream } from "./support/fake.ts";
import { Random, seeded } from "./support/random.ts";
import { connected, event as frameOf, open, subscribed, Wire } from "./support/wire.ts";

const timeout = { timeout: 60_000 };
const EVENTS = 300;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

before(() => void process.on("unhandledRejection", note));
after(() => {
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

/** Answers one connection from its cursor on, as far as chance lets it. */
function serve(random: Random, request: http.IncomingMessage, response: http.ServerResponse): void {
  const begin = Number(String(request.headers["last-event-id"] ?? "c-0").slice(2));
  const fault = random.below(10);
  if (fault === 0) return refuse(response, 503, "unavailable", { "retry-after": "0" });
  if (fault === 1) return void response.writeHead(502, { "content-type": "text/html" }).end("<html>");
  if (fault === 2) return void request.socket.destroy();
  const end = Math.min(EVENTS, begin + random.below(40));
  let text = random.one(["", "retry: 3\n\n", own("ping", {})]);
  for (let n = begin + 1; n <= end; n += 1) text += event(n) + random.one(["", "", ": comment\n\n", event(n)]);
  if (fault === 3) text += event(end + 1).slice(0, random.below(100));
  if (fault === 4) text += own("goodbye", { reason: "drain", retry_ms: random.below(5) });
  if (fault === 5) text += `id: c-${end + 1}\nevent: action.created\ndata: {"id":\n\n`;
  stream(response);
  const lineEnd = random.one(["\n", "\r\n", "\r"]);
  const bytes = Buffer.from(text.replaceAll("\n", lineEnd));
  for (let at = 0; at < bytes.length;) response.write(bytes.subarray(at, (at += 1 + random.below(2000))));
  if (end < EVENTS || fault < 8) response.end();
}

/** Reads until the last event; leaves now and then, and begins anew where the storage says. */
async function readAll(random: Random, begin: () => Subscription<StreamEvent>): Promise<string[]> {
  const handled: string[] = [];
  while (handled.at(-1) !== `c-${EVENTS}`) {
    let left = random.below(60);
    for await (const one of begin()) {
      // What was given last before a break is given again: it was not asked on from.
      if (handled.at(-1) !== one.cursor) handled.push(one.cursor);
      if (random.below(20) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (one.cursor === `c-${EVENTS}` || (left -= 1) < 0) break;
    }
  }
  return handled;
}

const all = Array.from({ length: EVENTS }, (_, n) => `c-${n + 1}`);
const backoff = { baseMs: 1, maxMs: 4 };

test("a reader of a server that breaks at random has every event once, in order", timeout, () => seeded((random) =>
  against((_, request, response) => serve(random, request, response), async ({ url }) => {
    const storage = memoryStorage();
    storage.save("events", "c-0");
    assert.deepEqual(await readAll(random, () => subscribe("events", { url, storage, saveEveryMs: 0, backoff })), all);
  })));

test("a reader of a socket that breaks at random has every event once, in order", timeout, () => seeded(async (random) => {
  Wire.script = (_, wire) => wire.hear(connected);
  // As the real server: one frame after another, each answered in its turn, whoever has left meanwhile.
  let turn = Promise.resolve();
  Wire.answer = (_, wire, frame) => {
    if (frame["type"] !== "subscribe") return;
    const fault = random.below(8);
    const begin = Number(String(frame["after"] ?? "c-0").slice(2));
    const end = Math.min(EVENTS, begin + random.below(40));
    turn = turn.then(() => new Promise((resolve) => setTimeout(resolve, random.below(3)))).then(() => {
      if (fault === 0) return wire.onclose?.({ code: 1006, reason: "" });
      wire.hear(subscribed);
      for (let n = begin + 1; n <= end; n += 1) {
        wire.hear(frameOf(n));
        if (random.below(4) === 0) wire.hear(frameOf(n));
      }
      if (fault === 1) wire.hear("{");
      else if (fault === 2) wire.hear({ type: "goodbye", reason: "drain", retry_ms: 1 });
      if (end < EVENTS || fault < 4) wire.onclose?.({ code: 1001, reason: "" });
    });
  };
  const storage = memoryStorage();
  storage.save("events", "c-0");
  const socket = open({ queueMax: 10, backoff });
  assert.deepEqual(await readAll(random, () => socket.subscribe("events", { storage, saveEveryMs: 0 })), all);
  socket.close();
  Wire.answer = Wire.script = () => {};
}));

test("an abort at any moment ends a reader, and rejects nowhere", timeout, () => seeded((random) =>
  against((_, request, response) => serve(random, request, response), async ({ url }) => {
    const reading = Array.from({ length: 200 }, async () => {
      const ending = new AbortController();
      setTimeout(() => ending.abort(), random.below(30));
      const source = () => new Promise<string>((resolve) => setTimeout(() => resolve("t"), random.below(5)));
      const storage = { load: () => source().then(() => "c-0"), save: () => source().then(() => {}) };
      const events = subscribe("events", { url, token: source, storage, backoff, saveEveryMs: 0, signal: ending.signal });
      let last = 0;
      for await (const one of events) {
        const number = Number(one.cursor.slice(2));
        assert.equal(number, last + 1);
        last = number;
        if (random.below(100) === 0) break;
      }
    });
    await Promise.all(reading);
  })));
