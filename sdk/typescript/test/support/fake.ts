/** A server that answers what a test says: for what the real one never does. */

import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { TidegateError } from "../../src/index.ts";

/** What is answered to the n-th request, from 1. */
export type Script = (n: number, request: http.IncomingMessage, response: http.ServerResponse) => void;

/** Starts one; `close` ends its connections too. */
export async function fake(script: Script): Promise<{ url: string; requests: http.IncomingMessage[]; close: () => void }> {
  const requests: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => script(requests.push(request), request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests, close: () => (server.close(), server.closeAllConnections()) };
}

/** Runs a test against one, and closes it. */
export async function against<T>(script: Script, body: (server: Awaited<ReturnType<typeof fake>>) => Promise<T>): Promise<T> {
  const server = await fake(script);
  try {
    return await body(server);
  } finally {
    server.close();
  }
}

/** Checks that a failure has a code: for `assert.rejects`. */
export const code = (wanted: TidegateError["code"]) => (error: unknown): true => {
  assert.ok(error instanceof TidegateError, String(error));
  assert.equal(error.code, wanted, error.message);
  return true;
};

/** Begins a stream. */
export function stream(response: http.ServerResponse, text = ""): http.ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(": hello\n\n" + text);
  return response;
}

/** Makes the frame of an event whose number is its cursor. */
export function event(number: number, payload: object = { number }): string {
  const envelope = {
    id: `evt_${String(number).padStart(26, "0")}`, org_id: "org_a", event: "action.created",
    timestamp: "2026-01-01T00:00:00.000Z", version: "v1", payload,
  };
  return `id: c-${number}\nevent: action.created\ndata: ${JSON.stringify(envelope)}\n\n`;
}

/** Makes one of the server's own frames. */
export function own(name: string, data: object, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Answers an error in the server's form. */
export function refuse(response: http.ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { code, message: `no: ${code}`, request_id: "req_1" } }));
}

/** Takes so many items, and ends the iteration. */
export async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  if (count === 0) return taken;
  for await (const item of items) if (taken.push(item) >= count) break;
  return taken;
}
