/**
 * The console's tests: units in Bun, then the page in Chromium, driven from Node.
 *
 * `bun run test NAME` runs the files whose names have a word alone.
 */

import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Glob } from "bun";

const home = join(dirname(fileURLToPath(import.meta.url)), "..");
const build = join(home, "build");
rmSync(build, { recursive: true, force: true });
mkdirSync(build, { recursive: true });
const wanted = process.argv.slice(2);
const isWanted = (file: string) => wanted.length === 0 || wanted.some((name) => file.includes(name));
const env = { ...process.env, TIDEGATE_TREE: join(home, "../..") };

const units = [...new Glob("test/*.test.ts").scanSync(home)].sort().filter(isWanted);
if (units.length > 0) finish(Bun.spawnSync([process.execPath, "test", ...units.map((file) => `./${file}`)], { cwd: home, env, stdio: ["ignore", "inherit", "inherit"] }));

const pages = [...new Glob("test/*.chromium.ts").scanSync(home)].sort().filter(isWanted);
if (pages.length > 0) {
  const made = await Bun.build({
    entrypoints: pages.map((file) => join(home, file)), outdir: build, target: "node", naming: "[name].[ext]", external: ["playwright-core", "axe-core"],
  });
  if (!made.success) throw new AggregateError(made.logs, "the bundle failed");
  const files = made.outputs.map((output) => output.path);
  finish(Bun.spawnSync(["node", "--no-warnings", "--test", "--test-concurrency=1", ...files], { cwd: home, env, stdio: ["ignore", "inherit", "inherit"] }));
}

function finish({ exitCode }: { exitCode: number | null }): void {
  if (exitCode !== 0) process.exit(exitCode ?? 1);
}
