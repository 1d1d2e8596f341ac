/** A thread of its own reads as the main one does, and ends by itself once it is told to stop. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { publishOrgEvent } from "../src/index.ts";
import { root, run, until } from "./support/program.ts";
import type { Account } from "./support/reader.ts";
import { folder, KEY, Server } from "./support/server.ts";

const bun = process.env["SDK_BUN"] ?? process.execPath;

test("a thread reads on both transports", { timeout: 60_000 }, async () => {
  const server = await new Server().start();
  const bundle = join(folder(), "thread.mjs");
  await run(bun, ["build", "--target=node", `--outfile=${bundle}`, join(root, "sdk/typescript/test/support/thread.ts")]);
  // Node 20 has its WebSocket behind a word, which threads inherit.
  const thread = new Worker(bundle, { workerData: { url: server.url, apiKey: KEY } });
  let said: Account | undefined;
  thread.on("message", (account: Account) => (said = account));
  const ended = new Promise<number>((resolve) => thread.once("exit", resolve));
  try {
    await until("the beginning", () => said?.isReading);
    const sent = [];
    for (let number = 0; number < 20; number += 1) {
      sent.push((await publishOrgEvent("thread.told", { number }, { url: server.url, apiKey: KEY })).id);
    }
    await until("all events", () => (said?.ids.length ?? 0) >= 40);
    const { ids: all, errors } = said as unknown as Account;
    assert.deepEqual(errors, []);
    for (const transport of ["0:", "1:"]) {
      assert.deepEqual(all.filter((id) => id.startsWith(transport)), sent.map((id) => transport + id));
    }
    thread.postMessage("stop");
    assert.equal(await ended, 0);
  } finally {
    await thread.terminate();
    await server.stop("SIGKILL");
  }
});
