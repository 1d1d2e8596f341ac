/** Callbacks that throw, and what a subscription leaves behind: no rejection unhandled, no listener, no timer. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { memoryStorage, subscribe, subscribeOrgEvents, type SubscribeOptions } from "../src/index.ts";
import { against, event, own, refuse, stream, take, type Script } from "./support/fake.ts";

const backoff = { baseMs: 5, maxMs: 20 };
const timeout = { timeout: 20_000 };
const connected = { status: "ok", orgId: "org_a", backend: "memory", realtimeStatus: "healthy", resume: "fresh", replayed: 0, lastEventId: "c-7" };
const gap = { reason: "expired", after: "c-1", resumes_at: "c-9", missed: 8 };
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

before(() => void process.on("unhandledRejection", note));
after(() => {
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

test("what a callback throws ends the stream with it, at once", timeout, async () => {
  const oops = () => { throw new Error("oops"); };
  const refused = { load: () => { throw new Error("full"); }, save: () => { throw new Error("full"); } };
  const cases: [string, Script, Partial<SubscribeOptions>][] = [
    ["onConnected", (_, __, response) => void stream(response, own("connected", connected)), { onConnected: oops }],
    ["onGap", (_, __, response) => void stream(response, own("gap", gap)), { onGap: oops }],
    ["onGoodbye", (_, __, response) => void stream(response, own("goodbye", { reason: "drain", retry_ms: 1 })), { onGoodbye: oops }],
    ["onRetry", (_, __, response) => refuse(response, 503, "unavailable"), { onRetry: oops }],
    ["onStorageError of load", () => {}, { storage: refused, onStorageError: oops }],
    ["onStorageError of save", (_, __, response) => void stream(response, event(1) + event(2) + event(3)),
      { storage: { ...refused, load: () => null }, saveEveryMs: 0, onStorageError: oops }],
  ];
  for (const [what, script, more] of cases) {
    await against(script, async ({ url, requests }) => {
      await assert.rejects(take(subscribe("events", { url, backoff, ...more }), 9), /oops/, what);
      assert.ok(requests.length <= 1, `${what}: asked ${requests.length} times`);
    });
  }
});

test("a signal that outlives its subscriptions keeps nothing of them", timeout, async () => {
  const long = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = long.signal;
  long.signal.addEventListener = (...all: unknown[]) => ((listeners += 1), addEventListener.apply(long.signal, all as never));
  long.signal.removeEventListener = (...all: unknown[]) => ((listeners -= 1), removeEventListener.apply(long.signal, all as never));
  await against((_, __, response) => refuse(response, 403, "forbidden"), async ({ url }) => {
    await assert.rejects(take(subscribe("events", { url, signal: long.signal }), 1));
    await subscribe("events", { url, signal: long.signal }).return?.();
  });
  await against((_, __, response) => void response.writeHead(204).end(), async ({ url }) => {
    assert.deepEqual(await take(subscribe("events", { url, signal: long.signal, storage: memoryStorage() }), 1), []);
  });
  await against((_, __, response) => void stream(response, event(1)), async ({ url }) => {
    await take(subscribe("events", { url, signal: long.signal }), 1);
    const done = subscribeOrgEvents(() => { throw new Error("oops"); }, { url, signal: long.signal }).done;
    await assert.rejects(done, /oops/);
  });
  assert.equal(listeners, 0);
});

test("a listener's subscription that is closed while its storage fails rejects nowhere", timeout, () =>
  against((_, __, response) => void stream(response, event(1) + event(2)), async ({ url }) => {
    const storage = { load: () => null, save: () => Promise.reject(new Error("full")) };
    let seen = 0;
    const subscription = subscribeOrgEvents(() => void (seen += 1), {
      url, storage, onStorageError: () => { throw new Error("oops"); },
    });
    while (seen < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    subscription.close();
    await subscription.done.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
  }));

test("own frames without sense are asked for again, and move no place", timeout, async () => {
  const broken = ["event: gap\ndata: {}\n\n", 'event: gap\ndata: {"resumes_at":7}\n\n', "event: goodbye\ndata: null\n\n", "event: connected\ndata: 1\n\n"];
  for (const bad of broken) {
    await against((n, _, response) => void stream(response, n === 1 ? event(1) + bad : event(2)).end(), async ({ url, requests }) => {
      await take(subscribe("events", { url, backoff, onGap: () => assert.fail(bad) }), 2);
      assert.equal(requests[1]?.headers["last-event-id"], "c-1", bad);
    });
  }
  for (const pause of ["-7", '"x"', "null"]) {
    const goodbye = `event: goodbye\ndata: {"reason":"drain","retry_ms":${pause}}\n\n`;
    await against((n, _, response) => void stream(response, n === 1 ? goodbye : event(1)).end(), async ({ url }) => {
      const waits: number[] = [];
      await take(subscribe("events", { url, backoff, onRetry: (_, waitMs) => void waits.push(waitMs) }), 1);
      assert.ok((waits[0] ?? -1) > 0, `${pause}: ${waits}`);
    });
  }
});
