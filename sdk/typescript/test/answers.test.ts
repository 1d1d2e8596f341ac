/** Answers that are none of a well-behaved server: elsewhere, too late, never, or without sense. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventSource, listOrgEvents, publishOrgEvent, subscribe, TidegateError } from "../src/index.ts";
import { against, code, event, refuse, stream, take, type Script } from "./support/fake.ts";

const backoff = { baseMs: 5, maxMs: 20 };
const timeout = { timeout: 20_000 };

test("a redirect is told and not followed: it would take the key along, and make a publish a read", timeout, async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    let reached = 0;
    await against((_, request, response) => {
      reached += 1;
      if (request.url?.startsWith("/api")) stream(response, event(1));
      else response.writeHead(200, { "content-type": "application/json" }).end('{"events":[]}');
    }, (other) => against((_, __, response) => void response.writeHead(status, { location: `${other.url}/elsewhere` }).end(),
      async ({ url, requests }) => {
        await assert.rejects(publishOrgEvent("a", {}, { url, apiKey: "k", backoff }), code("bad_answer"));
        await assert.rejects(take(subscribe("events", { url, apiKey: "k", backoff }), 1), code("bad_answer"));
        await assert.rejects(listOrgEvents({}, { url, apiKey: "k" }), /redirect/);
        await assert.rejects(take(eventSource(`${url}/feed`, { apiKey: "k", backoff }), 1), code("bad_answer"));
        assert.equal(requests.length, 4);
      }));
    assert.equal(reached, 0, `${status} was followed`);
  }
});

test("a plain feed without a credential is followed where it is led, as an EventSource does", timeout, () =>
  against((n, _, response) => (n === 1 ? void response.writeHead(307, { location: "/there" }).end() : void stream(response, "data: a\n\n")),
    async ({ url, requests }) => {
      assert.equal((await take(eventSource(`${url}/feed`, { backoff }), 1))[0]?.data, "a");
      assert.equal(requests[1]?.url, "/there");
    }));

test("a request that is not answered in time is given up, and a publish is sent again under its key", timeout, () =>
  against((n, _, response) => {
    if (n === 2) response.writeHead(201, { "content-type": "application/json" }).write('{"id":');
    else if (n === 3) response.writeHead(201, { "content-type": "application/json" }).end('{"id":"evt_1"}');
    else if (n === 5) response.writeHead(500).write("x");
  }, async ({ url, requests }) => {
    const options = { url, backoff, answerMsMax: 500 };
    assert.equal((await publishOrgEvent("a", {}, options)).id, "evt_1");
    assert.equal(new Set(requests.map((request) => request.headers["idempotency-key"])).size, 1);
    await assert.rejects(listOrgEvents({}, options), code("timeout"));
    await assert.rejects(listOrgEvents({}, options), code("timeout"));
    await assert.rejects(publishOrgEvent("a", {}, { ...options, token: () => new Promise(() => {}) }), code("timeout"));
  }));

test("an answer in another server's form is an error with a code", timeout, async () => {
  for (const body of ['{"error":"nope"}', '{"error":{}}', '{"error":{"code":7,"message":"x"}}', "null", "[]", '{"detail":"x"}']) {
    await against((_, __, response) => void response.writeHead(400, { "content-type": "application/json" }).end(body), async ({ url }) => {
      await assert.rejects(publishOrgEvent("a", {}, { url }), code("bad_answer"), body);
      await assert.rejects(take(subscribe("events", { url, backoff }), 1), code("bad_answer"), body);
    });
  }
});

test("Retry-After that is no number of seconds is not obeyed", timeout, async () => {
  for (const value of ["-5", "1e9", "0x10", "", "soon", "Wed, 21 Oct 2099 07:28:00 GMT"]) {
    await against((n, _, response) => (n === 1 ? refuse(response, 429, "rate_limited", { "retry-after": value }) : void stream(response, event(1))),
      async ({ url }) => {
        const waits: number[] = [];
        await take(subscribe("events", { url, backoff, onRetry: (_, waitMs) => void waits.push(waitMs) }), 1);
        assert.ok(waits.length === 1 && (waits[0] ?? 0) > 0 && (waits[0] ?? 99) <= 20, `${value}: ${waits}`);
      });
  }
});

test("a pause beyond what a timer can hold is no hurry", timeout, async () => {
  const scripts: Script[] = [
    (_, __, response) => refuse(response, 503, "unavailable", { "retry-after": "99999999999" }),
    (_, __, response) => void stream(response, 'event: goodbye\ndata: {"reason":"drain","retry_ms":1e15}\n\n').end(),
  ];
  for (const script of scripts) {
    await against(script, async ({ url, requests }) => {
      const ending = new AbortController();
      const told: number[] = [];
      const events = take(subscribe("events", { url, signal: ending.signal, onRetry: (_, waitMs) => void told.push(waitMs) }), 1);
      while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      ending.abort();
      assert.deepEqual(await events, []);
      assert.equal(requests.length, 1);
      assert.ok((told[0] ?? 0) <= 2 ** 31 - 1, String(told));
    });
  }
});

test("times without an end are none at all", timeout, () =>
  against((n, _, response) => void stream(response, event(n)), async ({ url, requests }) => {
    const saves: string[] = [];
    const storage = { load: () => null, save: (_: string, cursor: string) => void saves.push(cursor) };
    const events = subscribe("events", { url, storage, silenceMsMax: Infinity, saveEveryMs: Infinity, answerMsMax: Infinity });
    await events.next();
    const waiting = events.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await events.return?.();
    await waiting;
    assert.equal(requests.length, 1);
    assert.deepEqual(saves, ["c-1"]);
  }));

test("a publish does not wait longer than a minute for Retry-After: it says so", timeout, () =>
  against((_, __, response) => refuse(response, 429, "rate_limited", { "retry-after": "3600" }), async ({ url, requests }) => {
    const failure = await publishOrgEvent("a", {}, { url, backoff }).catch((error: unknown) => error);
    assert.ok(failure instanceof TidegateError && failure.code === "rate_limited" && failure.retryAfterMs === 3_600_000, String(failure));
    assert.equal(requests.length, 1);
  }));

test("who is told to come at once, again and again, backs off all the same", timeout, async () => {
  const scripts: [string, Script][] = [
    ["Retry-After: 0", (_, __, response) => refuse(response, 503, "unavailable", { "retry-after": "0" })],
    ["retry: 0, then refused", (n, _, response) => (n === 1 ? void stream(response, "retry: 0\n\n").end() : refuse(response, 503, "unavailable"))],
    ["retry: 0, ended at once", (_, __, response) => void stream(response, "retry: 0\n\n").end()],
    ["goodbye at once", (_, __, response) => void stream(response, 'event: goodbye\ndata: {"reason":"drain","retry_ms":0}\n\n').end()],
  ];
  await Promise.all(scripts.map(([what, script]) => against(script, async ({ url }) => {
    const ending = new AbortController();
    const waits: number[] = [];
    await take(subscribe("events", {
      url, signal: ending.signal, backoff: { maxMs: 200 },
      onRetry: (_, waitMs) => { if (waits.push(waitMs) === 8) ending.abort(); },
    }), 1);
    assert.ok(waits.slice(-4).every((waitMs) => waitMs >= 100), `${what}: ${waits}`);
  })));
});

test("an address that is no server's, and a credential that no header can carry, are mistakes", timeout, async () => {
  for (const url of ["localhost:3000", "ws://127.0.0.1:9", "ftp://127.0.0.1", "http://127.0.0.1:9/?x=1", "http://127.0.0.1:9/#x", ""]) {
    assert.throws(() => subscribe("events", { url }), code("usage"), url);
    await assert.rejects(publishOrgEvent("a", {}, { url }), code("usage"), url);
    await assert.rejects(listOrgEvents({}, { url }), code("usage"), url);
  }
  assert.throws(() => eventSource("nowhere"), code("usage"));
  await assert.rejects(publishOrgEvent("a", { n: 1n }, { url: "http://127.0.0.1:9" }), code("usage"));
  for (const credential of [{ apiKey: "a\nb" }, { apiKey: "schlüssel…" }, { token: "a\r\nx: y" }, { headers: { "x y": "z" } }]) {
    const options = { url: "http://127.0.0.1:9", backoff, ...credential };
    await assert.rejects(take(subscribe("events", options), 1), code("usage"), JSON.stringify(credential));
    await assert.rejects(publishOrgEvent("a", {}, options), code("usage"), JSON.stringify(credential));
  }
});

test("a cursor that no header can carry as text reaches the server as its bytes", timeout, () =>
  against((_, __, response) => void stream(response, event(1)), async ({ url, requests }) => {
    await take(subscribe("events", { url, after: "ü…" }), 1);
    assert.equal(Buffer.from(requests[0]?.headers["last-event-id"] as string, "latin1").toString(), "ü…");
    await take(subscribe("events", { url, after: "a\nb" }), 1);
    assert.equal(requests[1]?.headers["last-event-id"], "a b");
  }));

test("an abort while an error is read is an abort", timeout, () =>
  against((_, __, response) => void response.writeHead(500).write("x"), async ({ url }) => {
    await assert.rejects(listOrgEvents({}, { url, signal: AbortSignal.timeout(40) }), { name: "TimeoutError" });
  }));
