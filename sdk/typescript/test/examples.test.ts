/** The examples: the worker over a restart of its own, and curl. The React page is Chromium's. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { publishOrgEvent } from "../src/index.ts";
import { root, run, start, until } from "./support/program.ts";
import { folder, KEY, Server } from "./support/server.ts";

const bun = process.env["SDK_BUN"] ?? process.execPath;
const examples = join(root, "sdk/typescript/examples");

test("the worker goes on where it was", { timeout: 40_000 }, async () => {
  const server = await new Server().start();
  const dir = folder();
  await run(bun, ["build", "--target=node", `--outfile=${join(dir, "worker.mjs")}`, join(examples, "worker.ts")]);
  const env = { TIDEGATE_URL: server.url, TIDEGATE_KEY: KEY, CURSOR_FILE: join(dir, "cursor") };
  const publish = (number: number) => publishOrgEvent("job.made", { number }, { url: server.url, apiKey: KEY });
  try {
    const first = start("node", [join(dir, "worker.mjs")], env);
    await until("the worker", () => first.said().includes("connected fresh"));
    for (const number of [1, 2, 3]) await publish(number);
    await until("the events", () => first.said().includes('{"number":3}'));
    await first.stop();
    await publish(4);
    const second = start("node", [join(dir, "worker.mjs")], env);
    await until("the missed event", () => second.said().includes('{"number":4}'));
    await second.stop();
    assert.doesNotMatch(second.said(), /"number":[12]/);
    assert.match(second.said(), /connected resumed/);
  } finally {
    await server.stop("SIGKILL");
  }
});

test("curl publishes and reads", { timeout: 40_000 }, async () => {
  const server = await new Server().start();
  try {
    const said = await run("bash", [join(examples, "curl.sh")], { TIDEGATE_URL: server.url, TIDEGATE_KEY: KEY });
    assert.equal(said.match(/"by":"curl"/g)?.length, 2, said);
    assert.match(said, /event: connected/);
  } finally {
    await server.stop("SIGKILL");
  }
});
