/**
 * A person's private key, and signing with it in this page: it is read from a file, kept in memory as a
 * key that can't be taken out again, and sent nowhere.
 *
 * Source: C2SP signed-note for the text of keys; DSSE protocol 1.0.0 for what is signed; RFC 8410 for
 * the form in which the browser takes a key.
 */

/** A key that signs. */
export interface SigningKey {
  /** `NAME+ID`, by which plans and envelopes name it. */
  id: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A DSSE envelope. */
export interface Envelope {
  payload: string;
  payloadType: string;
  signatures: { keyid: string; sig: string }[];
}

/** A decision that somebody asks to have signed. */
export interface Decision {
  decision: string;
  role: string;
  reason: string;
  about?: string;
  plan?: { digest: { sha256?: string } };
  log: { origin: string; size: number; root: string };
}

const PRIVATE = "PRIVATE+KEY+";
const ED25519 = 1;
/** What stands before the 32 bytes of a seed in PKCS #8. */
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/** Reads a private key's text, as `tidegate keys new --sign` writes it. Throws with why it is none. */
export async function readKey(text: string): Promise<SigningKey> {
  if (!globalThis.crypto?.subtle) {
    throw new Error("This page can sign only over HTTPS or on localhost: use the command that stands beside it.");
  }
  const [name, id, data] = partsOf(text.trim());
  const bytes = fromBase64(data);
  if (bytes.length !== 33 || bytes[0] !== ED25519) throw new Error("The file has no Ed25519 key.");
  const pkcs8 = new Uint8Array([...PKCS8, ...bytes.subarray(1)]);
  const open = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", open);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
  pkcs8.fill(0);
  const written = new Uint8Array([...new TextEncoder().encode(`${name}\n`), ED25519, ...fromBase64(x.replaceAll("-", "+").replaceAll("_", "/"))]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", written));
  if (hex(digest.subarray(0, 4)) !== id) throw new Error("The key's id does not fit its name and its bytes: the file was changed.");
  return {
    id: `${name}+${id}`,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, new Uint8Array(message))),
  };
}

function partsOf(text: string): [string, string, string] {
  const rest = text.startsWith(PRIVATE) ? text.slice(PRIVATE.length) : "";
  const first = rest.indexOf("+");
  const second = rest.indexOf("+", first + 1);
  if (first <= 0 || second < 0) throw new Error("The file is no private key: `tidegate keys new --sign NAME --out FILE` makes one.");
  return [rest.slice(0, first), rest.slice(first + 1, second), rest.slice(second + 1)];
}

/** Returns the decision in an envelope that nobody has signed yet. */
export function decisionOf(envelope: Envelope): Decision {
  const statement = JSON.parse(new TextDecoder().decode(fromBase64(envelope.payload))) as { predicateType: string; predicate: Decision };
  if (envelope.payloadType !== "application/vnd.in-toto+json" || statement.predicateType !== "urn:tidegate:decision:v1") {
    throw new Error("The server asks to have something signed that is no decision.");
  }
  return statement.predicate;
}

/** Signs an envelope: over type and payload with their lengths. */
export async function signed(envelope: Envelope, key: SigningKey): Promise<Envelope> {
  const payload = fromBase64(envelope.payload);
  const type = envelope.payloadType;
  const head = new TextEncoder().encode(`DSSEv1 ${new TextEncoder().encode(type).length} ${type} ${payload.length} `);
  const sig = await key.sign(new Uint8Array([...head, ...payload]));
  return { ...envelope, signatures: [...envelope.signatures, { keyid: key.id, sig: btoa(String.fromCharCode(...sig)) }] };
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new Error("It is not base64.");
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
