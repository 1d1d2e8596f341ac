/**
 * A server and who asks it: addresses, credentials, one request.
 *
 * Owns the credential's way into a request; knows nothing of streams.
 */

import { TidegateError, errorOf } from "./errors.ts";
import { untilAborted, withDeadline } from "./wait.ts";

/** Gives a token (a JWT) or a one-use ticket; `isRefused` after the last one was not accepted. */
export type CredentialSource = (why: { isRefused: boolean }) => string | Promise<string>;

/** Where a server is and how to be somebody there. */
export interface ServerOptions {
  /** The server's address, as `https://events.example.org`. */
  url: string | URL;
  /** A key, for programs that can keep one. */
  apiKey?: string | undefined;
  /** A JWT, or what gets one; asked anew before each connection. */
  token?: string | CredentialSource | undefined;
  /** What gets a ticket, for a page: one for each connection. */
  ticket?: CredentialSource | undefined;
  /** Instead of the runtime's own. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Headers of every request, and of a WebSocket where the runtime's takes any. */
  headers?: Record<string, string> | undefined;
  /** The time for one request and its whole answer, 30 000 ms by default, 0: any. Streams have `silenceMsMax`. */
  answerMsMax?: number | undefined;
}

/** A request's own settings. */
export interface CallOptions {
  /** Ends the request, which throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Returns an address by `http:` or `https:`; throws `usage` for any other. */
export function httpAddress(address: string | URL): URL {
  let url: URL;
  try {
    url = new URL(address);
  } catch (cause) {
    throw new TidegateError("usage", `\`url\` is no address: ${String(address)}`, { cause });
  }
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new TidegateError("usage", `\`url\` begins neither with http:// nor with https://: ${String(address)}`);
}

/** Returns a path's address under the server's. */
export function address(server: ServerOptions, path: string, query: Record<string, string | number | undefined> = {}): URL {
  const { href, search, hash } = httpAddress(server.url);
  if (search || hash) throw new TidegateError("usage", `\`url\` has more than an origin and a path: ${href}`);
  const url = new URL(href.replace(/\/+$/, "") + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

/** Puts the credential into a request's address or headers. */
export async function authorize(server: ServerOptions, url: URL, headers: Headers, isRefused: boolean): Promise<void> {
  if (server.ticket) url.searchParams.set("ticket", await server.ticket({ isRefused }));
  else if (server.token) setHeader(headers, "authorization", `Bearer ${await credential(server.token, isRefused)}`);
  else if (server.apiKey) setHeader(headers, "x-api-key", server.apiKey);
}

/** Sets a header; throws `usage` where it can't be one. */
export function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch (cause) {
    // Its value may be a secret.
    throw new TidegateError("usage", `the header ${name} has characters that no header can carry`, { cause });
  }
}

/** Returns a token of its source. */
export async function credential(source: string | CredentialSource, isRefused: boolean): Promise<string> {
  return typeof source === "string" ? source : source({ isRefused });
}

/** Whether a refused credential may be followed by a better one. */
export function canRefresh(server: ServerOptions): boolean {
  return server.ticket !== undefined || typeof server.token === "function";
}

/**
 * Sends one request with its credential; `network` where there is no answer.
 *
 * A redirect is `bad_answer`: followed, it would take a key along, and turn a publish into a read.
 */
export async function send(server: ServerOptions, url: URL, init: RequestInit, isRefused = false): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(server.headers ?? {})) setHeader(headers, name, value);
  const asked = new URL(url);
  await untilAborted(authorize(server, asked, headers, isRefused), init.signal);
  init.signal?.throwIfAborted();
  let response: Response;
  try {
    response = await (server.fetch ?? fetch)(asked.href, { cache: "no-store", redirect: "manual", ...init, headers });
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new TidegateError("network", `${url.origin} can't be reached`, { cause });
  }
  if (response.type !== "opaqueredirect" && ![301, 302, 303, 307, 308].includes(response.status)) return response;
  const to = response.headers.get("location") ?? "another address";
  throw new TidegateError("bad_answer", `${url.origin} answered a redirect to ${to}: give where it leads as \`url\``, { status: response.status });
}

/** Sends a request and returns its JSON, within `answerMsMax`; a refused credential is asked for once more. */
export function call<T>(server: ServerOptions, url: URL, init: RequestInit): Promise<T> {
  const { answerMsMax = 30_000 } = server;
  const late = () => new TidegateError("timeout", `${url.pathname} was not answered within ${answerMsMax} ms`);
  return withDeadline(answerMsMax, init.signal, late, (signal) => answer<T>(server, url, { ...init, signal }));
}

async function answer<T>(server: ServerOptions, url: URL, init: RequestInit): Promise<T> {
  let response = await send(server, url, init);
  if (response.status === 401 && canRefresh(server)) {
    await response.body?.cancel();
    response = await send(server, url, init, true);
  }
  if (!response.ok) throw await errorOf(response);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new TidegateError("bad_answer", `${url.pathname} answered no JSON: is this the server's address?`, {
      status: response.status,
      cause,
    });
  }
}

/** Makes a POST or another request with a JSON body. */
export function jsonBody(body: unknown, method = "POST", headers: Record<string, string> = {}): RequestInit {
  return { method, headers: { "content-type": "application/json", ...headers }, body: jsonText(body) };
}

/** Returns a value as JSON; throws `usage` where it is none, as with a circle or a BigInt. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new TidegateError("usage", "the payload can't be written as JSON", { cause });
  }
}
