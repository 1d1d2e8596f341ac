/** Where cursors are kept: what a killed program finds there, and storage that is slow, full or gone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat, memoryStorage, subscribe, webStorage, type CursorStorage } from "../src/index.ts";
import { against, event, own, stream, take } from "./support/fake.ts";
import { until } from "./support/program.ts";

const timeout = { timeout: 20_000 };
const connected = { status: "ok", orgId: "org_a", backend: "memory", realtimeStatus: "healthy", resume: "fresh", replayed: 0, lastEventId: "c-7" };

test("the place of a stream that has had no event yet is kept: what comes before the next start is not missed", timeout, () =>
  against((_, __, response) => void stream(response, own("connected", connected)), async ({ url, requests }) => {
    const storage = memoryStorage();
    const first = subscribe("events", { url, storage });
    const waiting = first.next();
    await until("the place", () => storage.load("events") === "c-7");
    await first.return?.();
    assert.equal((await waiting).done, true);
    const second = subscribe("events", { url, storage });
    const again = second.next();
    await until("the second request", () => requests.length === 2);
    assert.equal(requests[1]?.headers["last-event-id"], "c-7");
    await second.return?.();
    await again;
  }));

test("where a thread's messages begin is kept too", timeout, () =>
  against((n, _, response) => {
    if (n === 1) stream(response, own("ping", {}, "c-4")).end();
    else stream(response, 'id: c-5\nevent: message\ndata: {"message_id":"m-5"}\n\n');
  }, async ({ url, requests }) => {
    await take(new Chat({ url }).follow("t", { backoff: { baseMs: 5 } }), 1);
    assert.equal(requests[1]?.headers["last-event-id"], "c-4");
  }));

test("the last of a burst is saved too, though nothing follows it and nobody ends the stream", timeout, () =>
  against((_, __, response) => void stream(response, Array.from({ length: 50 }, (_, n) => event(n + 1)).join("")), async ({ url }) => {
    const saves: string[] = [];
    const storage: CursorStorage = { load: () => null, save: (_, cursor) => void saves.push(cursor) };
    const events = subscribe("events", { url, storage, saveEveryMs: 100 });
    for (let n = 0; n < 50; n += 1) await events.next();
    const waiting = events.next();
    await until("the last cursor", () => saves.at(-1) === "c-50");
    assert.ok(saves.length <= 3, `${saves}`);
    await events.return?.();
    await waiting;
  }));

test("one save at a time, and the newest last, however slow the storage is", timeout, () =>
  against((_, __, response) => void stream(response, Array.from({ length: 20 }, (_, n) => event(n + 1)).join("")), async ({ url }) => {
    let running = 0;
    const saves: string[] = [];
    const save = async (_: string, cursor: string) => {
      assert.equal((running += 1), 1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running -= 1;
      saves.push(cursor);
    };
    await take(subscribe("events", { url, storage: { load: () => undefined, save }, saveEveryMs: 0 }), 20);
    assert.equal(saves.at(-1), "c-19");
    assert.equal(running, 0);
  }));

test("storage that fails is asked no more often than for each event, and no less after it is back", timeout, () =>
  against((_, __, response) => void stream(response, Array.from({ length: 10 }, (_, n) => event(n + 1)).join("")), async ({ url }) => {
    let asked = 0;
    const saves: string[] = [];
    const save = (_: string, cursor: string) => {
      if ((asked += 1) <= 5) throw new Error("QuotaExceededError");
      saves.push(cursor);
    };
    const errors: unknown[] = [];
    const options = { url, storage: { load: () => null, save }, saveEveryMs: 0, onStorageError: (error: unknown) => void errors.push(error) };
    await take(subscribe("events", options), 10);
    assert.equal(errors.length, 5);
    assert.ok(asked <= 10, String(asked));
    assert.equal(saves.at(-1), "c-9");
  }));

test("two readers of one saved cursor miss nothing: the place may go back, and never beyond what was handled", timeout, () =>
  against((_, request, response) => {
    const begin = Number(/\d+/.exec((request.headers["last-event-id"] as string | undefined) ?? "0")?.[0]);
    stream(response, Array.from({ length: 30 - begin }, (_, n) => event(begin + n + 1)).join(""));
  }, async ({ url }) => {
    const items = new Map<string, string>();
    const storage = webStorage({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value) });
    const tabs = [subscribe("events", { url, storage, saveEveryMs: 0 }), subscribe("events", { url, storage, saveEveryMs: 0 })] as const;
    for (const tab of tabs) await tab.next();
    for (let n = 1; n < 20; n += 1) await tabs[0].next();
    for (let n = 1; n < 10; n += 1) await tabs[1].next();
    await tabs[0].return?.();
    await tabs[1].return?.();
    const saved = storage.load("events");
    assert.equal(saved, "c-9");
    const [next] = await take(subscribe("events", { url, storage }), 1);
    assert.equal(next?.cursor, "c-10");
  }));

test("an empty or foreign text in the storage is a cursor that the server judges, or none", timeout, async () => {
  for (const [kept, sent] of [["", undefined], [null, undefined], ["%%%", "%%%"], ["\0\u{1f600}", "\u{1f600}"]] as const) {
    await against((_, __, response) => void stream(response, event(1)), async ({ url, requests }) => {
      await take(subscribe("events", { url, storage: { load: () => kept, save: () => {} } }), 1);
      const header = requests[0]?.headers["last-event-id"] as string | undefined;
      assert.equal(header === undefined ? undefined : Buffer.from(header, "latin1").toString().trim(), sent);
    });
  }
});
