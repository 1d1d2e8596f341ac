/** Keys and signatures, against those that the program makes. */

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { folder } from "../../../sdk/typescript/test/support/server.ts";
import { run, serverProgram } from "../../../sdk/typescript/test/support/program.ts";
import { decisionOf, readKey, signed, type Envelope } from "../src/sign.ts";

async function madeKey(): Promise<{ text: string; id: string; public: Uint8Array }> {
  const file = join(folder(), "ana.key");
  const said = await run(serverProgram(), ["keys", "new", "--sign", "example.com/ana", "--role", "operator", "--out", file]);
  const [id = "", name = "", digits = "", data = ""] = /(example\.com\/ana)\+([0-9a-f]{8})\+(\S+)/.exec(said) ?? [];
  assert.ok(id, said);
  return { text: readFileSync(file, "utf8"), id: `${name}+${digits}`, public: Buffer.from(data, "base64").subarray(1) };
}

const predicate = { role: "operator", decision: "GO", reason: "so", plan: { name: "plan", digest: { sha256: "ab" } }, log: { origin: "run-1", size: 3, root: "cd" } };
const envelopeOf = (predicateType: string): Envelope => ({
  payload: btoa(JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject: [], predicateType, predicate })),
  payloadType: "application/vnd.in-toto+json", signatures: [],
});

test("a key that the program made signs as the program verifies", async () => {
  const made = await madeKey();
  const key = await readKey(made.text);
  assert.equal(key.id, made.id);
  const envelope = await signed(envelopeOf("urn:tidegate:decision:v1"), key);
  const [signature] = envelope.signatures;
  assert.equal(signature?.keyid, made.id);
  const payload = Buffer.from(envelope.payload, "base64");
  const message = Buffer.concat([Buffer.from(`DSSEv1 28 ${envelope.payloadType} ${payload.length} `), payload]);
  const known = await webcrypto.subtle.importKey("raw", new Uint8Array(made.public), "Ed25519", false, ["verify"]);
  assert.ok(await webcrypto.subtle.verify("Ed25519", known, Buffer.from(signature?.sig ?? "", "base64"), message));
});

test("what is no key is told, and shows nothing of it", async () => {
  const { text } = await madeKey();
  const other = text.trim().replace("example.com/ana+", "example.com/bob+");
  for (const wrong of ["", "hello", "PRIVATE+KEY+", "PRIVATE+KEY+a+00000000+!!!", text.trim().slice(0, -6), other]) {
    await assert.rejects(readKey(wrong), (error: Error) => {
      assert.ok(error.message.length > 0 && !error.message.includes(text.trim().slice(-30)), error.message);
      return true;
    });
  }
});

test("only a decision is taken as one", () => {
  assert.equal(decisionOf(envelopeOf("urn:tidegate:decision:v1")).decision, "GO");
  assert.throws(() => decisionOf(envelopeOf("urn:tidegate:switch:v1")), /no decision/);
});
