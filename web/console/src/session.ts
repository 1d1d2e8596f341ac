/**
 * Who uses the page: a key or a token, and what its server said of it.
 *
 * Owns the credential. It is kept in memory, and in the tab's session storage where that was asked
 * for; it goes into requests to this page's own server and nowhere else.
 */

import { computed, signal } from "@preact/signals";
import type { ServerOptions } from "tidegate";

/** A credential, as the SDK takes it. */
export interface Credential {
  kind: "key" | "token";
  secret: string;
}

const STORED = "tidegate-console-credential";

/** The credential; undefined before somebody signed in. */
export const credential = signal<Credential | undefined>(stored());

/** Why somebody has to sign in again; empty where nobody was sent away. */
export const refusal = signal("");

/** This page's server, as the SDK takes it. */
export const server = computed<ServerOptions>(() => {
  const { kind, secret } = credential.value ?? { kind: "key", secret: "" };
  return { url: location.origin, ...(kind === "key" ? { apiKey: secret } : { token: secret }) };
});

/** Takes a text as a credential: a JWT has three parts divided by dots. */
export function credentialOf(text: string): Credential {
  const secret = text.trim();
  return { kind: /^[\w-]+\.[\w-]+\.[\w-]*$/.test(secret) ? "token" : "key", secret };
}

/** Signs in; `isKept` until the tab is closed, else until it is loaded anew. */
export function signIn(given: Credential, isKept: boolean): void {
  store(isKept ? JSON.stringify(given) : undefined);
  refusal.value = "";
  credential.value = given;
}

/** Forgets the credential. */
export function signOut(why = ""): void {
  store(undefined);
  refusal.value = why;
  credential.value = undefined;
}

/** When a token ends by its own word, in milliseconds since 1970; undefined for a key. */
export function expiryOf(given: Credential | undefined): number | undefined {
  if (given?.kind !== "token") return undefined;
  try {
    const part = (given.secret.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const { exp } = JSON.parse(atob(part)) as { exp?: number };
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

function stored(): Credential | undefined {
  try {
    const found = JSON.parse(sessionStorage.getItem(STORED) ?? "null") as Credential | null;
    return found?.secret && (found.kind === "key" || found.kind === "token") ? found : undefined;
  } catch {
    return undefined;
  }
}

function store(text: string | undefined): void {
  try {
    if (text === undefined) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, text);
  } catch {
    // A browser that keeps nothing: the credential stays in memory.
  }
}
