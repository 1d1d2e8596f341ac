/** The real server: publishing, tickets, tokens, pages, chat, several streams on one socket. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  buyTicket, Chat, listOrgEvents, openSocket, publishOrgEvent, publishOrgEvents, subscribe, TidegateError,
  type Gap, type SocketOptions,
} from "../src/index.ts";
import { code, take } from "./support/fake.ts";
import { until } from "./support/program.ts";
import { KEY, Proxy, Server, token } from "./support/server.ts";

const timeout = { timeout: 30_000 };
const server = new Server({ TIDEGATE_ORG_STREAMS_MAX: "200" });
const options = () => ({ url: server.url, apiKey: KEY, backoff: { baseMs: 20, maxMs: 200 } });
const head = async (stream?: string) => (await listOrgEvents({ limit: 500, stream }, options())).next;
const publish = (number: number) => publishOrgEvent("action.created", { number }, options());

before(() => server.start());
after(() => server.stop());

async function withSocket<T>(more: Partial<SocketOptions>, body: (socket: ReturnType<typeof openSocket>) => Promise<T>): Promise<T> {
  const socket = openSocket({ ...options(), ...more });
  try {
    return await body(socket);
  } finally {
    socket.close();
    await socket.done.catch(() => {});
  }
}

test("publishes once for one key, and a list whole", timeout, async () => {
  const place = await head();
  const first = await publishOrgEvent("action.created", { n: 1 }, { ...options(), idempotencyKey: "sdk-1" });
  assert.deepEqual(await publishOrgEvent("action.created", { n: 1 }, { ...options(), idempotencyKey: "sdk-1" }), first);
  const list = await publishOrgEvents([{ event: "a" }, { event: "b", payload: { x: 1 } }], options());
  const page = await listOrgEvents({ after: place }, options());
  assert.deepEqual(page.events.map((event) => event.id), [first.id, ...list.map((receipt) => receipt.id)]);
  await assert.rejects(publishOrgEvent("action.created", { n: 2 }, { ...options(), idempotencyKey: "sdk-1" }), code("idempotency_conflict"));
  await assert.rejects(publishOrgEvent("gap", {}, options()), code("validation_error"));
  await assert.rejects(publishOrgEvent("a", {}, { ...options(), apiKey: "wrong" }), code("unauthorized"));
  await assert.rejects(publishOrgEvent("a", { pad: "x".repeat(300_000) }, options()), code("too_large"));
  await assert.rejects(publishOrgEvent("a", {}, { ...options(), signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("reads from a cursor, filtered", timeout, async () => {
  const place = await head();
  for (const event of ["action.a", "other.b", "action.c"]) await publishOrgEvent(event, {}, options());
  const events = await take(subscribe("events", { ...options(), after: place, events: "action.*" }), 2);
  assert.deepEqual(events.map((event) => event.event), ["action.a", "action.c"]);
});

test("a cursor that nobody gave is a gap, and no error", timeout, async () => {
  await publish(1);
  const reasons: string[] = [];
  await take(subscribe("events", { ...options(), after: "nonsense", onGap: (gap) => void reasons.push(gap.reason) }), 1);
  assert.deepEqual(reasons, ["unknown_cursor"]);
});

test("tickets open a stream each", timeout, async () => {
  const place = await head();
  const ticket = async () => (await buyTicket(options())).ticket;
  await publish(1);
  await take(subscribe("events", { url: server.url, ticket, after: place }), 1);
});

test("a token that ends is followed by another, and nothing is missed", timeout, async () => {
  const place = await head();
  let asked = 0;
  const source = () => token((asked += 1) === 1 ? 2 : 60);
  const goodbyes: string[] = [];
  const events = subscribe("events", {
    url: server.url, token: source, after: place, backoff: { baseMs: 20 }, onGoodbye: ({ reason }) => void goodbyes.push(reason),
  });
  const taken = take(events, 2);
  await publish(1);
  await until("another token", () => asked >= 2);
  await publish(2);
  assert.deepEqual((await taken).map((event) => event.payload["number"]), [1, 2]);
  assert.deepEqual(goodbyes, ["token_expired"]);
  await assert.rejects(take(subscribe("events", { url: server.url, token: token(-100) }), 1), code("unauthorized"));
});

test("a socket carries several streams, and publishes", timeout, async () => {
  const chat = new Chat(options());
  const thread = await chat.createThread("sdk", "public");
  const name = `thread:${thread.thread_id}`;
  const [place, threadPlace] = [await head(), await head(name)];
  await withSocket({}, async (socket) => {
    const events = take(socket.subscribe("events", { after: place }), 3);
    const messages = take(socket.subscribe(name, { after: threadPlace }), 1);
    assert.throws(() => socket.subscribe("events"), code("usage"));
    const ids = [];
    for (const number of [1, 2, 3]) ids.push((await socket.publish("action.created", { number })).id);
    await chat.send(thread.thread_id, "hello");
    assert.deepEqual((await events).map((event) => event.id), ids);
    assert.equal((await messages)[0]?.event, "message.sent");
    await assert.rejects(socket.publish("gap", {}), code("validation_error"));
    await assert.rejects(take(socket.subscribe("nonsense"), 1), (error) => error instanceof TidegateError);
  });
});

test("a publish that is larger than a frame may be is refused, and the socket goes on", timeout, async () => {
  const place = await head();
  await withSocket({}, async (socket) => {
    const events = take(socket.subscribe("events", { after: place }), 2);
    const first = await socket.publish("action.created", { n: 1 });
    const large = assert.rejects(socket.publish("action.created", { pad: "x".repeat(3_000_000) }), code("too_large"));
    const second = await socket.publish("action.created", { n: 2 });
    await large;
    assert.deepEqual((await events).map((event) => event.id), [first.id, second.id]);
  });
});

test("a socket's queue is bounded, and what waits at the server comes later", timeout, async () => {
  const place = await head();
  await withSocket({ queueMax: 10 }, async (socket) => {
    const events = socket.subscribe("events", { after: place })[Symbol.asyncIterator]();
    const first = events.next();
    for (let n = 0; n < 100; n += 1) await publish(n);
    const numbers = [(await first).value.payload["number"]];
    while (numbers.length < 100) numbers.push((await events.next()).value.payload["number"]);
    assert.deepEqual(numbers, Array.from({ length: 100 }, (_, n) => n));
    await events.return?.();
  });
});

test("a log that is another one after a pause is a gap, in its place, on both transports", timeout, async () => {
  const one = await new Server().start();
  const other = await new Server().start();
  const proxy = await Proxy.to(one.url);
  const say = (at: Server, number: number) => publishOrgEvent("action.created", { number }, { url: at.url, apiKey: KEY });
  const { cursor: after } = await say(one, 0);
  for (const number of [1, 2, 3]) await say(one, number);
  await say(other, 4);
  const socket = openSocket({ ...options(), url: proxy.url });
  try {
    const seen: unknown[][] = [[], []];
    const readers = seen.map((list, n) => {
      const onGap = ({ reason }: Gap) => void list.push(reason);
      return n === 0 ? subscribe("events", { ...options(), url: proxy.url, after, onGap }) : socket.subscribe("events", { after, onGap });
    });
    const next = async (n: number) => seen[n]?.push((await readers[n]?.next())?.value?.payload.number);
    await Promise.all([next(0), next(1)]);
    // Both consumers pause here; what they read from goes, and another log is in its place.
    await one.stop("SIGKILL");
    proxy.lead(other.url);
    for (let rest = 0; rest < 3; rest += 1) await Promise.all([next(0), next(1)]);
    for (const list of seen) assert.deepEqual(list, [1, 2, 3, "unknown_cursor", 4]);
    await Promise.all(readers.map((reader) => reader.return?.()));
  } finally {
    socket.close();
    proxy.close();
    await Promise.all([one.stop("SIGKILL"), other.stop("SIGKILL")]);
  }
});

test("a socket that hears nothing asks, and stays", timeout, async () => {
  let connections = 0;
  let asked = 0;
  class Watched extends (WebSocket as unknown as new (url: string, init?: object) => WebSocket) {
    override send(text: string): void {
      if (text.includes('"alive"')) asked += 1;
      super.send(text);
    }
  }
  const more = { silenceMsMax: 500, onConnected: () => void (connections += 1), WebSocket: Watched };
  await withSocket(more, async (socket) => {
    const taken = take(socket.subscribe("events"), 1);
    await until("three questions", () => asked >= 3);
    await socket.publish("action.created", {});
    await taken;
    assert.equal(connections, 1);
  });
});

test("a socket takes a newer token, and asks for one where it has ended", timeout, async () => {
  const place = await head();
  let asked = 0;
  await withSocket({ apiKey: undefined, token: () => token((asked += 1) === 1 ? 2 : 60) }, async (socket) => {
    const taken = take(socket.subscribe("events", { after: place }), 2);
    await publish(1);
    await until("another token", () => asked >= 2);
    await publish(2);
    assert.equal((await taken).length, 2);
    socket.authenticate(token(120));
  });
});

test("a refused credential and an aborted signal end a socket", timeout, async () => {
  const refused = openSocket({ ...options(), apiKey: "wrong" });
  const reading = assert.rejects(take(refused.subscribe("events"), 1), code("unauthorized"));
  await assert.rejects(refused.done, code("unauthorized"));
  await reading;
  const ending = new AbortController();
  const socket = openSocket({ ...options(), signal: ending.signal });
  const events = take(socket.subscribe("events"), 1);
  ending.abort();
  await socket.done;
  assert.deepEqual(await events, []);
  await assert.rejects(socket.publish("a", {}), code("network"));
});

test("chat: a thread from its beginning to its end", timeout, async () => {
  const chat = new Chat(options());
  const alice = new Chat({ url: server.url, token: token(60) });
  const thread = await chat.createThread("sdk/room", "private");
  const id = thread.thread_id;
  await assert.rejects(alice.messages(id), code("forbidden"));
  assert.equal((await chat.invite(id, "alice")).role, "invited");
  assert.equal((await alice.join(id)).role, "member");
  const first = await alice.send(id, "one", { idempotencyKey: "m-1", attachments: [{ kind: "image" }] });
  assert.deepEqual(await alice.send(id, "one", { idempotencyKey: "m-1", attachments: [{ kind: "image" }] }), first);
  await chat.send(id, "two");
  assert.deepEqual((await take(alice.follow(id, { after: "0" }), 2)).map((message) => message.body), ["one", "two"]);
  assert.equal((await alice.edit(id, 1, "uno")).body, "uno");
  assert.ok((await alice.remove(id, 1)).deleted_at_ms);
  assert.equal((await chat.messages(id, { after: 1 })).messages.length, 1);
  assert.equal((await alice.moveReadCursor(id, 2)).seq, 2);
  assert.equal((await alice.readCursor(id)).seq, 2);
  assert.equal((await chat.members(id)).members.length, 2);
  assert.equal((await chat.threads("sdk/room")).threads[0]?.thread_id, id);
  assert.equal((await chat.thread(id)).head_seq, 2);
  let seen = 0;
  const lost = assert.rejects(async () => {
    for await (const _ of alice.follow(id, { after: "0" })) seen += 1;
  }, code("forbidden"));
  await until("both messages", () => seen === 2);
  assert.equal((await alice.leave(id)).status, "left");
  await lost;
});
