/** The parts without input or output: ids, waits, queues, addresses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorOf } from "../src/errors.ts";
import { Queue } from "../src/queue.ts";
import { RecentIds } from "../src/recent-ids.ts";
import { address } from "../src/server.ts";
import { backoffMs, RetryDelays } from "../src/wait.ts";

test("ids are remembered as long as promised, and not for ever", () => {
  const recent = new RecentIds(100);
  for (let n = 0; n < 1000; n += 1) {
    assert.ok(recent.add(`${n}`), `${n} is new`);
    for (let back = 0; back < Math.min(100, n + 1); back += 1) assert.ok(!recent.add(`${n - back}`), `${n - back} of ${n}`);
  }
  assert.ok(recent.add("0"), "the first is forgotten");
});

test("waits double with each failure, up to their bound, and are shortened down to a half", () => {
  for (const [failures, whole] of [[0, 100], [1, 200], [2, 400], [5, 1000], [5000, 1000]] as const) {
    const waits = Array.from({ length: 200 }, () => backoffMs(failures, undefined, { baseMs: 100, maxMs: 1000 }));
    assert.ok(waits.every((wait) => wait >= whole / 2 && wait <= whole), `${failures}: ${waits}`);
    assert.ok(new Set(waits).size > 100, "no jitter");
    assert.ok(Math.max(...waits) - Math.min(...waits) > whole / 4, "little jitter");
  }
  assert.ok(backoffMs(5000, 0) >= 0);
  assert.ok(backoffMs(0, 40) <= 40 && backoffMs(0, 40, { baseMs: 900 }) >= 450);
});

test("what a server asks for is kept, but for one who is in a hurry again and again", () => {
  const delays = new RetryDelays({ baseMs: 100, maxMs: 10_000 });
  delays.begin();
  assert.deepEqual([delays.next(1, 0), delays.next(1, 0)], [0, 0]);
  const later = Array.from({ length: 8 }, () => delays.next(1, 0));
  assert.ok(later.every((wait, n) => wait >= Math.min(50 * 2 ** n, 5000)), String(later));
  assert.equal(delays.next(1, 60_000), 60_000);
});

test("a queue gives what was put, in order, and ends behind it", async () => {
  const queue = new Queue<number>();
  const early = queue.take();
  queue.put(0, 7);
  assert.equal(await early, 0);
  assert.equal(queue.size, 0);
  for (let round = 0; round < 3; round += 1) {
    for (let n = 0; n < 3000; n += 1) queue.put(n, 2);
    for (let n = 0; n < 2999; n += 1) assert.equal(await queue.take(), n);
    assert.deepEqual([queue.length, queue.size], [1, 2]);
    assert.equal(await queue.take(), 2999);
  }
  queue.put(9, 1);
  queue.end(new Error("over"));
  queue.put(10, 1);
  assert.equal(await queue.take(), 9);
  await assert.rejects(queue.take(), /over/);
});

test("a server may stand under a path, with a slash or without", () => {
  for (const url of ["http://a.test/base", "http://a.test/base/", new URL("http://a.test/base//")]) {
    assert.equal(address({ url }, "/api/stream", { a: "b c", none: undefined }).href, "http://a.test/base/api/stream?a=b+c");
  }
});

test("an error's body is read up to its bound, and then let go", { timeout: 20_000 }, async () => {
  let read = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => { read += 1; controller.enqueue(new Uint8Array(1024).fill(120)); },
    cancel: () => void (isCancelled = true),
  });
  assert.equal((await errorOf(new Response(body, { status: 500 }))).code, "bad_answer");
  assert.ok(read < 80, String(read));
  assert.ok(isCancelled);
});
