/** Requests to the page's server, with the credential, beside those that the SDK has. */

import { TidegateError } from "tidegate";
import { address, call, jsonBody, send } from "tidegate/server";
import { server, signOut } from "./session.ts";

type Query = Record<string, string | number | undefined>;

/** How long a request may take, in milliseconds. */
const TIME_MAX_MS = 20_000;

/** Gets JSON. A credential that does not count any more ends the session. */
export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return asked(call<T>(server.value, address(server.value, path, query), { signal: limited(signal) }));
}

/** Posts JSON and gets JSON. */
export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return asked(call<T>(server.value, address(server.value, path), { ...jsonBody(body), signal: limited(signal) }));
}

/** Gets JSON whatever the status is, as `/ready` gives it; undefined where there is no such path. */
export async function peek<T>(path: string, signal?: AbortSignal): Promise<T | undefined> {
  const response = await send(server.value, address(server.value, path), { signal: limited(signal) });
  return response.status === 404 ? undefined : ((await response.json()) as T);
}

/** Gets a text; undefined where there is no such path. */
export async function text(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const response = await send(server.value, address(server.value, path), { signal: limited(signal) });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.text();
}

/** Ends the session where the server knows the credential no more. */
export function noteRefusal(error: unknown): void {
  if (error instanceof TidegateError && error.code === "unauthorized") {
    signOut(`The server does not take this credential (any more): ${error.message}`);
  }
}

/** Says an error in a sentence for people. */
export function said(error: unknown): string {
  if (error instanceof TidegateError && error.code === "forbidden") return `${error.message}: sign in with one that has it.`;
  if (error instanceof TidegateError && error.code === "network") return "The server does not answer.";
  if (error instanceof DOMException && error.name === "TimeoutError") return "The server took too long to answer.";
  return error instanceof Error ? error.message : String(error);
}

function limited(signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(TIME_MAX_MS);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    noteRefusal(error);
    throw error;
  }
}
