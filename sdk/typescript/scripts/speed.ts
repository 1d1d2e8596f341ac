/**
 * How fast events are decoded, and whether memory stays flat while a consumer pauses.
 *
 * Runs in Node on one core: `bun run speed` bundles it; the sender is a process of its own.
 */

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { subscribe } from "../src/index.ts";

const role = process.argv[2];
if (role === "send") send();
else if (role === "read") await measure(process.argv[3] ?? "");
else compare();

/** Bundles this file for Node and starts both ends. */
function compare(): void {
  const dir = mkdtempSync(join(tmpdir(), "tidegate-speed-"));
  try {
    const file = join(dir, "speed.mjs");
    const bundle = ["build", "--target=node", `--outfile=${file}`, fileURLToPath(import.meta.url)];
    if (spawnSync(process.execPath, bundle, { stdio: ["ignore", "ignore", "inherit"] }).status !== 0) throw new Error("the bundle failed");
    const reader = spawnSync("node", ["--expose-gc", file, "read", file], { stdio: ["ignore", "inherit", "inherit"], timeout: 120_000 });
    process.exitCode = reader.status ?? 1;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Sends events without an end to whoever reads. */
function send(): void {
  let number = 0;
  const chunk = () => {
    let text = "";
    for (let n = 0; n < 200; n += 1) {
      number += 1;
      const envelope = {
        id: `evt_${String(number).padStart(26, "0")}`, org_id: "org_speed", event: "action.updated",
        timestamp: "2026-01-01T00:00:00.000Z", version: "v1", payload: { number, text: "x".repeat(100) },
      };
      text += `id: 3k9x0d7q2m5va-${number}\nevent: action.updated\ndata: ${JSON.stringify(envelope)}\n\n`;
    }
    return text;
  };
  const server = http.createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = () => { while (!response.destroyed && response.write(chunk())); };
    response.on("drain", more);
    more();
  });
  server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
}

async function measure(file: string): Promise<void> {
  const sender = spawn(process.execPath, [file, "send"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const port = await new Promise<string>((resolve) => sender.stdout.once("data", (data) => resolve(String(data).trim())));
    const events = subscribe("events", { url: `http://127.0.0.1:${port}` });
    for (let n = 0; n < 50_000; n += 1) await events.next();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const count = 500_000;
    for (let n = 0; n < count; n += 1) await events.next();
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    console.log(`decoded: ${Math.round(count / seconds)} events/s by the clock, ${Math.round((count * 1e6) / (user + system))} per second of processor`);
    await paused();
    await events.return?.();
    if ((count * 1e6) / (user + system) < 50_000) throw new Error("slower than 50000 events a second of one core");
  } finally {
    sender.kill();
  }
}

/** Prints memory while nobody takes an event. */
async function paused(): Promise<void> {
  const collected = () => ((globalThis as { gc?: () => void }).gc?.(), Math.round(process.memoryUsage().rss / 1e6));
  const seen: number[] = [];
  for (let n = 0; n < 6; n += 1) {
    seen.push(collected());
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  console.log(`paused: ${seen.join(", ")} MB, a second apart`);
  if (Math.max(...seen) > (seen[0] ?? 0) + 20) throw new Error("memory grows while the consumer pauses");
}
