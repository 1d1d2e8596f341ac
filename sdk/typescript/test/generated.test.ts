/** What is made from other files is up to date; what is sent to pages is small. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { folder } from "./support/server.ts";
import { root, run } from "./support/program.ts";

const bun = process.env["SDK_BUN"] ?? process.execPath;
const home = join(root, "sdk/typescript");

test("the types are those of the server's document", async () => {
  await run(bun, [join(home, "scripts/generate.ts"), "--check"]);
});

test("subscribe alone is under 6 KiB, compressed", async () => {
  const dir = folder();
  const out = join(dir, "subscribe.js");
  await run(bun, ["build", "--minify", "--target=browser", `--outfile=${out}`, join(home, "test/support/only-subscribe.ts")]);
  const bytes = gzipSync(readFileSync(out), { level: 9 }).length;
  console.log(`subscribe: ${bytes} bytes gzipped`);
  assert.ok(bytes > 500 && bytes < 6 * 1024, String(bytes));
});

test("nothing is needed at run time, and the lock file names no host", () => {
  const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Record<string, unknown>;
  assert.equal(manifest["dependencies"], undefined);
  assert.equal(manifest["private"], true);
  assert.doesNotMatch(readFileSync(join(root, "bun.lock"), "utf8"), /https?:/);
});
