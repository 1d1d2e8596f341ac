/** The real server, a Redis, and a way between: what the tests of the SDK run against. */

import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, serverProgram, start, until, type Running } from "./program.ts";

/** The key of all tests, with a user for chat. */
export const KEY = "sdk-tests-key-0123456789abcdef";
/** The secret of the tokens that tests make. */
export const SECRET = "sdk-tests-secret-0123456789abcdef0123456789";

/** Makes a token of the user `alice` that ends in so many seconds. */
export function token(seconds: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: "alice", org_id: "org_sdk", scope: "publish subscribe", exp: Math.floor(Date.now() / 1000) + seconds };
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

/** Makes a temporary folder that goes with the process. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tidegate-sdk-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server with its state, to be restarted. */
export class Server {
  url = "";
  #running: Running | undefined;
  readonly state = folder();

  constructor(readonly env: Record<string, string> = {}) {}

  async start(): Promise<this> {
    const one = start(serverProgram(), ["serve"], {
      VIZ_API_BIND: "127.0.0.1:0", TIDEGATE_KEYS: `org_sdk=${KEY}:publish+subscribe+admin@sdk`,
      TIDEGATE_JWT_HS256_SECRET: SECRET, REALTIME_STATE_DIR: this.state, DATA_BACKEND: "memory",
      TIDEGATE_DRAIN_SECONDS: "2", TIDEGATE_LOG_FORMAT: "json", TIDEGATE_ORG_EVENTS_PER_SECOND: "100000", ...this.env,
    }, this.state);
    this.#running = one;
    const address = await until(`the server: ${one.said()}`, () => /"bind_addr":\s*"([^"]+)"/.exec(one.said())?.[1])
      .catch((error: unknown) => { throw new Error(`${String(error)}\n${one.said()}`); });
    this.url = `http://${address}`;
    await until("readiness", async () => (await fetch(`${this.url}/ready`)).ok);
    return this;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#running?.stop(signal);
  }

  said(): string {
    return this.#running?.said() ?? "";
  }

  /** Runs the command line against this server. */
  cli(...args: string[]): Promise<string> {
    return run(serverProgram(), [...args, "--url", this.url, "--key", KEY]);
  }
}

/** Starts a Redis of its own. */
export async function redis(): Promise<{ url: string; stop: () => Promise<void> }> {
  for (let attempt = 0; ; attempt += 1) {
    const port = await freePort();
    const dir = folder();
    const one = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir]);
    try {
      await until("Redis", () => one.said().includes("Ready to accept connections"), 10_000);
      return { url: `redis://127.0.0.1:${port}`, stop: () => one.stop() };
    } catch (error) {
      await one.stop("SIGKILL");
      if (attempt >= 3) throw new Error(`${String(error)}: is redis-server installed? ${one.said()}`);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** A way to a server that can be led elsewhere and cut. */
export class Proxy {
  url = "";
  /** The server's address; empty: nobody is there. */
  target = "";
  #isCut = false;
  #sockets = new Set<net.Socket>();
  #listener: net.Server | undefined;

  static async to(target: string): Promise<Proxy> {
    const proxy = new Proxy();
    proxy.target = target;
    await proxy.#listen();
    return proxy;
  }

  #listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#listener = net.createServer((near) => this.#join(near)).listen(0, "127.0.0.1", () => {
        this.url = `http://127.0.0.1:${(this.#listener?.address() as net.AddressInfo).port}`;
        resolve();
      });
    });
  }

  #join(near: net.Socket): void {
    this.#keep(near);
    if (this.#isCut) return void near.pause();
    const { hostname, port } = new URL(this.target);
    const far = net.connect(Number(port), hostname);
    this.#keep(far);
    near.pipe(far);
    far.pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }

  /** As a cable that was pulled: nothing gets through, and nobody is told. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** The network is back; what was open is gone. */
  heal(): void {
    this.#isCut = false;
    this.drop();
  }

  /** Ends every connection at once. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Leads to another server from now on. */
  lead(target: string): void {
    this.target = target;
    this.drop();
  }

  close(): void {
    this.drop();
    this.#listener?.close();
  }
}
