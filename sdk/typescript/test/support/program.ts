/** Programs that tests start: each bounded in time, each ended with its test. */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the source tree. */
export const root = process.env["TIDEGATE_TREE"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../..");

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Returns the server that was built, or says how to get one. */
export function serverProgram(): string {
  const target = process.env["CARGO_TARGET_DIR"] ?? join(root, "target");
  const places = [process.env["TIDEGATE_BIN"], join(target, "debug/tidegate"), join(target, "release/tidegate")];
  const found = places.find((place) => place && existsSync(place));
  if (!found) throw new Error("the server is not built: run `cargo build -p tidegate`, or name one in TIDEGATE_BIN");
  return found;
}

/** A program and what it has said. */
export interface Running {
  child: ChildProcess;
  said: () => string;
  stop: (signal?: NodeJS.Signals) => Promise<void>;
}

/** Starts a program; its end is awaited by `stop`. */
export function start(program: string, args: string[], env: Record<string, string | undefined> = {}, cwd?: string): Running {
  // The server refuses settings that it does not know, so that a test's own must not reach it.
  const own = Object.entries(process.env).filter(([name]) => !/^(TIDEGATE|REALTIME|VIZ_API|CHAT|DATA|SURREAL)_|^REDIS_URL/.test(name));
  const all = { ...Object.fromEntries(own), ...env };
  const child = spawn(program, args, { env: all, cwd, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let said = "";
  const keep = (chunk: Buffer) => (said = (said + String(chunk)).slice(-200_000));
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => (running.delete(child), resolve()));
    child.once("error", (error) => ((said += String(error)), resolve()));
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(timer);
  };
  return { child, said: () => said, stop };
}

/** Runs a program to its end; throws where it fails. */
export async function run(
  program: string, args: string[], env: Record<string, string | undefined> = {}, cwd?: string,
): Promise<string> {
  const one = start(program, args, env, cwd);
  const code = await new Promise<number | null>((resolve) => one.child.once("close", resolve));
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${one.said()}`);
  return one.said();
}

/** Waits for a level, at most so long. */
export async function until<T>(what: string, probe: () => T | Promise<T>, ms = 20_000): Promise<NonNullable<T>> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await Promise.resolve().then(probe).catch(() => undefined);
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
