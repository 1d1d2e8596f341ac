/** The faults that a reader has to come through, and the account of what it was given. */

import assert from "node:assert/strict";
import { publishOrgEvent } from "../../src/events.ts";
import type { Gap } from "../../src/generated.ts";
import { run, serverProgram, until } from "./program.ts";
import { KEY, Proxy, redis, Server } from "./server.ts";

/** How long there is no network; the long form takes 30 s. */
const OUTAGE_MS = Number(process.env["SDK_OUTAGE_SECONDS"] ?? 3) * 1000;

/** How long what was missed may take: as long as a reader waits before it tries again, and some more. */
const HEALED_WITHIN_MS = 40_000;

/** A reader in some runtime. */
export interface Reader {
  /** What it was given so far, in order. */
  ids: () => Promise<string[]> | string[];
  gaps: () => Promise<Gap[]> | Gap[];
  stop: () => Promise<void>;
}

/** Runs all faults, with a publisher meanwhile, and compares what was acknowledged with what came. */
export async function throughFaults(read: (url: string) => Promise<Reader>, transports = 1, more: Record<string, string> = {}): Promise<string> {
  const store = await redis();
  const env = { REDIS_URL: store.url, ...more };
  const server = await new Server(env).start();
  const other = new Server({ ...env, REALTIME_BACKEND: "redis" });
  const proxy = await Proxy.to(server.url);
  const readers = await read(proxy.url).then((reader) => [reader]);
  const publisher = new Publisher(() => server.url);
  const all = async (what: string) => {
    const wanted = publisher.acknowledged.length;
    for (const reader of readers) {
      await until(`${wanted} events ${what}`, async () => (await reader.ids()).length >= wanted * transports, HEALED_WITHIN_MS)
        .catch(async (error: unknown) => { throw new Error(`${String(error)}; has ${(await reader.ids()).length}`); });
    }
  };
  try {
    await publisher.more(20);
    await all("at first");
    await server.stop("SIGTERM");
    proxy.lead((await server.start()).url);
    await publisher.more(20);
    await all("after a restart");
    await Promise.all([move(server, "--to", "redis"), publisher.more(40)]);
    await all("after the cutover");
    await server.stop("SIGKILL");
    proxy.lead((await server.start()).url);
    await publisher.more(20);
    await all("after a crash");
    await move(server, "--to", "redis");
    await publisher.more(20);
    await Promise.all([move(server, "--undo"), publisher.more(40)]);
    await all("after the rollback");
    proxy.cut();
    await publisher.more(50);
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    proxy.heal();
    await all("after the time without a network");
    await move(server, "--to", "redis");
    proxy.lead((await other.start()).url);
    publisher.url = () => other.url;
    await publisher.more(20);
    await all("on another replica");
    const gaps = (await Promise.all(readers.map((reader) => reader.gaps()))).flat();
    for (const reader of readers) account(await reader.ids(), publisher.acknowledged, transports, gaps);
    return `${publisher.acknowledged.length} acknowledged, 0 lost, 0 repeated, ${gaps.length} gaps`;
  } finally {
    for (const reader of readers) await reader.stop();
    proxy.close();
    await Promise.all([server.stop("SIGKILL"), other.stop("SIGKILL")]);
    await store.stop();
  }
}

/** Compares; each transport of the reader has all, once, in order. */
function account(ids: string[], acknowledged: string[], transports: number, gaps: Gap[]): void {
  for (let transport = 0; transport < transports; transport += 1) {
    const mark = transports === 1 ? "" : `${transport}:`;
    const own = ids.filter((id) => id.startsWith(mark)).map((id) => id.slice(mark.length));
    assert.equal(new Set(own).size, own.length, "an event came twice");
    assert.deepEqual(own, acknowledged, `not what was acknowledged; gaps: ${JSON.stringify(gaps)}`);
  }
  assert.deepEqual(gaps, [], "a gap was reported where nothing was lost");
}

async function move(server: Server, ...args: string[]): Promise<void> {
  await run(serverProgram(), ["cutover", ...args, "--url", server.url, "--key", KEY]);
}

/** Publishes one event after another, and keeps the ids of those that were acknowledged. */
export class Publisher {
  readonly acknowledged: string[] = [];

  constructor(public url: () => string) {}

  async more(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const number = this.acknowledged.length;
      const receipt = await publishOrgEvent("action.created", { number }, { url: this.url(), apiKey: KEY });
      this.acknowledged.push(receipt.id);
    }
  }
}
