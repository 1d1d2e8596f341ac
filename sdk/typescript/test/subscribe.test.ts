/** What a subscription does over connections: resume, repeats, gaps, pauses, refusals, places. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventSource, memoryStorage, publishOrgEvent, subscribe, subscribeOrgEvents, type Gap } from "../src/index.ts";
import { against, code, event, fake, own, refuse, stream, take, type Script } from "./support/fake.ts";

const backoff = { baseMs: 5, maxMs: 20 };
const timeout = { timeout: 20_000 };

test("resumes after the last event, and drops what it had", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response, event(1) + event(2)).end();
  else stream(response, event(2) + event(3));
}, async ({ url, requests }) => {
  const events = await take(subscribe("events", { url, apiKey: "k", backoff }), 3);
  assert.deepEqual(events.map((one) => one.cursor), ["c-1", "c-2", "c-3"]);
  assert.equal(requests[0]?.headers["last-event-id"], undefined);
  assert.equal(requests[1]?.headers["last-event-id"], "c-2");
  assert.equal(requests[1]?.headers["x-api-key"], "k");
}));

test("a fresh stream that breaks before its first event resumes where it began", timeout, () => against((n, _, response) => {
  const connected = { status: "ok", orgId: "org_a", backend: "memory", realtimeStatus: "healthy", resume: "fresh", replayed: 0, lastEventId: "c-7" };
  if (n === 1) stream(response, own("connected", connected)).end();
  else stream(response, event(8));
}, async ({ url, requests }) => {
  await take(subscribe("events", { url, backoff }), 1);
  assert.equal(requests[1]?.headers["last-event-id"], "c-7");
}));

test("a gap is told, and the next connection goes on behind it", timeout, () => against((n, _, response) => {
  const gap = { reason: "expired", after: "c-1", resumes_at: "c-9", missed: 8 };
  if (n === 1) stream(response, own("gap", gap, "c-9")).end();
  else stream(response, event(10));
}, async ({ url, requests }) => {
  const gaps: Gap[] = [];
  await take(subscribe("events", { url, after: "c-1", backoff, onGap: (gap) => void gaps.push(gap) }), 1);
  assert.deepEqual(gaps.map((gap) => gap.missed), [8]);
  assert.equal(requests[1]?.headers["last-event-id"], "c-9");
}));

test("goodbye's and Retry-After's times are kept", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response, own("goodbye", { reason: "drain", retry_ms: 40 })).end();
  else if (n === 2) refuse(response, 503, "unavailable", { "retry-after": "0" });
  else stream(response, event(1));
}, async ({ url }) => {
  const waits: number[] = [];
  await take(subscribe("events", { url, backoff, onRetry: (_, waitMs) => void waits.push(waitMs) }), 1);
  assert.ok((waits[0] ?? 0) >= 40 && (waits[0] ?? 0) <= 80, String(waits));
  assert.equal(waits[1], 0);
}));

test("the stream's retry is the pause, with jitter", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response, "retry: 30\n\n").end();
  else stream(response, event(1));
}, async ({ url }) => {
  const waits: number[] = [];
  await take(subscribe("events", { url, onRetry: (_, waitMs) => void waits.push(waitMs) }), 1);
  assert.ok((waits[0] ?? 0) >= 15 && (waits[0] ?? 0) <= 30, String(waits));
}));

test("silence ends a connection", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response);
  else if (n === 2) return;
  else stream(response, event(1));
}, async ({ url }) => {
  const errors: string[] = [];
  await take(subscribe("events", { url, backoff, silenceMsMax: 60, onRetry: (error) => void errors.push(error.code) }), 1);
  assert.deepEqual(errors, ["timeout", "timeout"]);
}));

test("an expired token is asked for once more; a revoked one ends the stream", timeout, () => against((n, request, response) => {
  if (request.headers.authorization === "Bearer new") stream(response, event(n));
  else refuse(response, 401, "unauthorized");
}, async ({ url }) => {
  const asked: boolean[] = [];
  const token = ({ isRefused }: { isRefused: boolean }) => (asked.push(isRefused), isRefused ? "new" : "old");
  await take(subscribe("events", { url, token, backoff }), 1);
  assert.deepEqual(asked, [false, true]);
  await assert.rejects(take(subscribe("events", { url, token: () => "revoked", backoff }), 1), code("unauthorized"));
  await assert.rejects(take(subscribe("events", { url, token: "old", backoff }), 1), code("unauthorized"));
}));

test("a token source that fails is tried again", timeout, () => against((_, __, response) => void stream(response, event(1)),
  async ({ url }) => {
    let failures = 2;
    const token = async () => {
      if ((failures -= 1) >= 0) throw new Error("no token now");
      return "t";
    };
    assert.equal((await take(subscribe("events", { url, token, backoff }), 1)).length, 1);
  }));

test("each connection has a ticket of its own", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response).end();
  else stream(response, event(1));
}, async ({ url, requests }) => {
  let sold = 0;
  await take(subscribe("events", { url, ticket: () => `t${(sold += 1)}`, backoff }), 1);
  assert.deepEqual(requests.map((request) => request.url), ["/api/stream?ticket=t1", "/api/stream?ticket=t2"]);
}));

test("refusals that no attempt heals end the stream", timeout, async () => {
  for (const [status, name] of [[400, "validation_error"], [403, "forbidden"], [404, "not_found"]] as const) {
    await against((_, __, response) => refuse(response, status, name), async ({ url, requests }) => {
      await assert.rejects(take(subscribe("events", { url, backoff }), 1), code(name));
      assert.equal(requests.length, 1);
    });
  }
});

test("a server that answers HTML is no server of this; amid a stream it is waited for", timeout, async () => {
  const html = (response: Parameters<Script>[2], status = 200) => {
    response.writeHead(status, { "content-type": "text/html" });
    response.end("<html>".repeat(100_000));
  };
  for (const status of [200, 404]) {
    await against((_, __, response) => html(response, status), ({ url }) =>
      assert.rejects(take(subscribe("events", { url, backoff }), 1), code("bad_answer")));
  }
  await against((n, _, response) => (n === 1 ? html(response, 502) : void stream(response, event(1))),
    async ({ url }) => assert.equal((await take(subscribe("events", { url, backoff }), 1)).length, 1));
  await against((n, _, response) => {
    if (n === 2) html(response);
    else if (n === 1) stream(response, event(1)).end();
    else stream(response, event(2));
  }, async ({ url }) => assert.equal((await take(subscribe("events", { url, backoff }), 2)).length, 2));
});

test("a broken frame is asked for again; one that stays broken is an error", timeout, async () => {
  const broken = "id: c-2\nevent: action.created\ndata: {\"id\":\n\n";
  for (const bad of [broken, "data: null\n\n", "data: {}\n\n", "event: gap\ndata: x\n\n", "event: connected\ndata: \n\n"]) {
    await against((n, _, response) => void stream(response, n === 1 ? event(1) + bad + event(3) : event(2) + event(3)),
      async ({ url, requests }) => {
        const events = await take(subscribe("events", { url, backoff }), 3);
        assert.deepEqual(events.map((one) => one.cursor), ["c-1", "c-2", "c-3"]);
        assert.equal(requests[1]?.headers["last-event-id"], "c-1");
      });
    await against((_, __, response) => void stream(response, bad), ({ url }) =>
      assert.rejects(take(subscribe("events", { url, backoff }), 1), code("bad_frame")));
  }
});

test("bytes that are no UTF-8, and a frame cut by the end", timeout, () => against((n, _, response) => {
  if (n > 1) return void stream(response, event(2));
  stream(response).write(Buffer.concat([Buffer.from(event(1, { text: "?" }).replace("?", "\uffff")), Buffer.from([0x3a, 0xff, 0xfe, 10, 10])]));
  response.end(event(2).slice(0, 60));
}, async ({ url }) => assert.equal((await take(subscribe("events", { url, backoff }), 2)).length, 2)));

test("a huge event is an error, and nothing is held for it", timeout, () => against((_, __, response) => {
  stream(response, "data: ");
  const chunk = "x".repeat(65536);
  const more = () => { while (!response.destroyed && response.write(chunk)); };
  response.on("drain", more);
  more();
}, ({ url }) => assert.rejects(take(subscribe("events", { url, backoff, frameCharsMax: 1 << 20 }), 1), code("too_large"))));

test("attempts can be limited, and an address that is none is a mistake", timeout, async () => {
  const { url, close } = await fake(() => {});
  close();
  await assert.rejects(take(subscribe("events", { url, backoff, attemptsMax: 3 }), 1), code("network"));
  assert.throws(() => subscribe("events", { url: "nowhere" }), code("usage"));
});

test("a clock that is off changes nothing", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response, event(1)).end();
  else stream(response, event(2));
}, async ({ url }) => {
  const now = Date.now;
  let jump = 0;
  Date.now = () => now() + (jump = jump > 0 ? -1e12 : 1e12);
  try {
    assert.equal((await take(subscribe("events", { url, backoff, storage: memoryStorage(), token: () => "t" }), 2)).length, 2);
  } finally {
    Date.now = now;
  }
}));

test("the place is kept once the next event is asked for", timeout, () => against((_, __, response) => void stream(response, event(1) + event(2)),
  async ({ url, requests }) => {
    const storage = memoryStorage();
    await take(subscribe("events", { url, storage, saveEveryMs: 0 }), 2);
    assert.equal(storage.load("events"), "c-1");
    await take(subscribe("events", { url, storage }), 1);
    assert.equal(requests[1]?.headers["last-event-id"], "c-1");
  }));

test("storage that is full or refused is told, and the stream goes on", timeout, () => against((_, __, response) => void stream(response, event(1) + event(2)),
  async ({ url }) => {
    for (const fails of [() => { throw new Error("QuotaExceededError"); }, () => Promise.reject(new Error("SecurityError"))]) {
      const errors: unknown[] = [];
      const storage = { load: fails, save: fails };
      const events = await take(subscribe("events", { url, storage, saveEveryMs: 0, onStorageError: (error) => void errors.push(error) }), 2);
      assert.equal(events.length, 2);
      assert.ok(errors.length >= 2, String(errors.length));
    }
  }));

test("a signal ends it at every await", timeout, async () => {
  const never = new Promise<never>(() => {});
  const places: [string, Script, Record<string, unknown>][] = [
    ["before it begins", () => {}, {}],
    ["the token", () => {}, { token: () => never }],
    ["the ticket", () => {}, { ticket: () => never }],
    ["the answer", () => {}, {}],
    ["the error's body", (_, __, response) => void response.writeHead(500).write("x"), {}],
    ["the body", (_, __, response) => void stream(response), {}],
    ["the pause", (_, __, response) => refuse(response, 503, "unavailable", { "retry-after": "60" }), {}],
    ["the storage", () => {}, { storage: { load: () => never, save: () => {} } }],
  ];
  for (const [what, script, more] of places) {
    await against(script, async ({ url }) => {
      const ending = new AbortController();
      if (what === "before it begins") ending.abort();
      const next = subscribe("events", { url, ...more, signal: ending.signal }).next();
      setTimeout(() => ending.abort(), 30);
      assert.deepEqual(await next, { value: undefined, done: true }, what);
      const events = subscribe("events", { url, ...more });
      const waiting = events.next();
      await new Promise((resolve) => setTimeout(resolve, 30));
      await events.return?.();
      assert.deepEqual(await waiting, { value: undefined, done: true }, `${what}, by return`);
    });
  }
});

test("a consumer that pauses stops the sender", timeout, () => {
  let sent = 0;
  return against((_, __, response) => {
    stream(response);
    const more = () => { while (!response.destroyed && sent < 200_000 && response.write(event((sent += 1), { pad: "x".repeat(1000) }))); };
    response.on("drain", more);
    more();
  }, async ({ url }) => {
    const events = subscribe("events", { url });
    await events.next();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.ok(sent < 100_000, `${sent} events were taken from the server`);
    await events.return?.();
  });
});

test("a listener is waited for, and its failure ends its subscription", timeout, () => against((_, __, response) => void stream(response, event(1) + event(2)),
  async ({ url }) => {
    const seen: string[] = [];
    const subscription = subscribeOrgEvents(async (one) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (seen.push(one.cursor) === 2) throw new Error("enough");
    }, { url });
    await assert.rejects(subscription.done, /enough/);
    assert.deepEqual(seen, ["c-1", "c-2"]);
    const other = subscribeOrgEvents(() => other.close(), { url });
    await other.done;
  }));

test("plain EventSource servers are read by their rules", timeout, () => against((n, _, response) => {
  if (n === 1) stream(response, "id: 1\ndata: a\n\nevent: gap\ndata: b\n\nid: ü\ndata: c\n\n").end();
  else if (n === 2) stream(response, "data: d\n\n").end();
  else response.writeHead(204).end();
}, async ({ url, requests }) => {
  const frames = await take(eventSource(`${url}/feed`, { backoff }), 9);
  assert.deepEqual(frames.map((frame) => [frame.event, frame.data]), [["message", "a"], ["gap", "b"], ["message", "c"], ["message", "d"]]);
  assert.equal(requests[0]?.url, "/feed");
}));

test("a publish is sent again under one key where that may help, and not where it can't", timeout, () => against((n, _, response) => {
  if (n === 1) response.socket?.destroy();
  else if (n === 2) response.writeHead(502, { "content-type": "text/html" }).end("<html>");
  else if (n === 3) refuse(response, 503, "unavailable", { "retry-after": "0" });
  else if (n === 4) response.writeHead(201, { "content-type": "application/json" }).end('{"id":"evt_1"}');
  else response.writeHead(200, { "content-type": "text/html" }).end("<html>");
}, async ({ url, requests }) => {
  assert.equal((await publishOrgEvent("a", {}, { url, backoff })).id, "evt_1");
  assert.equal(new Set(requests.map((request) => request.headers["idempotency-key"])).size, 1);
  assert.equal(requests.length, 4);
  await assert.rejects(publishOrgEvent("a", {}, { url, backoff }), code("bad_answer"));
  assert.equal(requests.length, 5);
}));

test("a publish ends with its signal", timeout, () => against((_, __, response) => refuse(response, 503, "unavailable", { "retry-after": "60" }),
  async ({ url }) => {
    const signal = AbortSignal.timeout(50);
    await assert.rejects(publishOrgEvent("a", {}, { url, signal }), { name: "TimeoutError" });
    const never = () => new Promise<string>(() => {});
    const stuck = publishOrgEvent("a", {}, { url, token: never, signal: AbortSignal.timeout(50) });
    await assert.rejects(stuck, { name: "TimeoutError" });
  }));
