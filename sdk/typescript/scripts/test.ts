/**
 * The tests in Node and in Chromium: `bun test` runs the same files in Bun.
 *
 * Bundles them with Bun, which takes the types away, and starts Node's own test runner.
 */

import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Glob } from "bun";

const home = join(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(home, "build");
rmSync(build, { recursive: true, force: true });
mkdirSync(build, { recursive: true });

const tests = [...new Glob("test/*.{test,chromium}.{ts,tsx}").scanSync(home)].sort();
await bundle({
  entrypoints: tests, outdir: join(build, "node"), target: "node",
  external: ["playwright-core", "react", "react-dom"],
});
await bundle({ entrypoints: ["test/support/reader.ts", "test/support/worker.ts"], outdir: join(build, "browser"), target: "browser", minify: true });
// As it is developed: React's strict mode mounts everything twice then.
const development = { "process.env.NODE_ENV": '"development"' };
await bundle({ entrypoints: ["examples/page.tsx"], outdir: join(build, "browser"), target: "browser", define: development });

const env = { ...process.env, TIDEGATE_TREE: join(home, "../.."), SDK_BUN: process.execPath };
const wanted = process.argv.slice(2);
const files = [...new Glob("node/*.js").scanSync(build)].sort().filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)));
const node = Bun.spawnSync(
  ["node", "--experimental-websocket", "--no-warnings", "--test", "--test-concurrency=2", ...files.map((file) => join(build, file))],
  { cwd: home, env, stdio: ["ignore", "inherit", "inherit"] },
);
process.exit(node.exitCode ?? 1);

async function bundle(config: Bun.BuildConfig & { entrypoints: string[] }): Promise<void> {
  const entrypoints = config.entrypoints.map((path) => join(home, path));
  const made = await Bun.build({ ...config, entrypoints, naming: "[name].[ext]" });
  if (!made.success) throw new AggregateError(made.logs, "the bundle failed");
}
