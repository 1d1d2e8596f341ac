/** The files that the server embeds are those of these sources, and small. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folder, Server } from "../../../sdk/typescript/test/support/server.ts";
import { root, run } from "../../../sdk/typescript/test/support/program.ts";

/** The first load, in bytes as they are sent. */
const BYTES_MAX = 200 * 1024;

test("what the server has is built of these sources", { timeout: 60_000 }, async () => {
  const fresh = folder();
  await run("bun", [join(root, "web/console/scripts/build.ts"), fresh]);
  const server = await new Server().start();
  try {
    let bytes = 0;
    for (const name of readdirSync(fresh)) {
      const answer = await fetch(`${server.url}/console/${name}`);
      const [built, embedded] = [readFileSync(join(fresh, name)), Buffer.from(await answer.arrayBuffer())];
      assert.ok(built.equals(embedded), `${name} differs: run \`bun run build\`, commit crates/console-api/dist, and build the server`);
      bytes += embedded.length;
    }
    assert.ok(bytes < BYTES_MAX, `the first load is ${bytes} bytes`);
    console.log(`first load: ${bytes} bytes`);
  } finally {
    await server.stop("SIGKILL");
  }
});
