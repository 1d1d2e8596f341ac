/** The AsyncAPI document: its references lead somewhere, and what the real server sends is as it says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { Chat, eventSource, listOrgEvents, publishOrgEvent } from "../src/index.ts";
import { root, until } from "./support/program.ts";
import { KEY, Server } from "./support/server.ts";

interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
}

const file = join(root, "docs/asyncapi.json");
const documents = new Map<string, unknown>();

/** Returns what a reference names, and the file in which its own references begin. */
function follow(reference: string, from: string): [unknown, string] {
  const [path = "", pointer = ""] = reference.split("#");
  const at = path ? resolve(dirname(from), path) : from;
  if (!documents.has(at)) documents.set(at, JSON.parse(readFileSync(at, "utf8")));
  const named = pointer.split("/").slice(1).reduce((node, key) => (node as Record<string, unknown>)?.[key], documents.get(at));
  assert.ok(named, `${reference} of ${from} leads nowhere`);
  return [named, at];
}

/** Returns what a value lacks of a schema. */
function problems(value: unknown, schema: Schema, from = file, place = ""): string[] {
  if (schema.$ref) {
    const [named, at] = follow(schema.$ref, from);
    return problems(value, named as Schema, at, place);
  }
  if (schema.oneOf) return schema.oneOf.some((one) => problems(value, one, from).length === 0) ? [] : [`${place}: none of oneOf`];
  if (schema.const !== undefined && value !== schema.const) return [`${place}: is not ${String(schema.const)}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${place}: ${String(value)} is not in the list`];
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  if (schema.type && ![schema.type].flat().includes(kind)) return [`${place}: is ${kind}`];
  if (kind === "array") return (value as unknown[]).flatMap((item, n) => problems(item, schema.items ?? {}, from, `${place}/${n}`));
  if (kind !== "object") return [];
  const fields = value as Record<string, unknown>;
  const missing = (schema.required ?? []).filter((name) => !(name in fields)).map((name) => `${place}/${name}: is missing`);
  return missing.concat(Object.entries(fields).flatMap(([name, field]) => {
    const known = schema.properties?.[name];
    if (known) return problems(field, known, from, `${place}/${name}`);
    return schema.additionalProperties === false ? [`${place}/${name}: is not known`] : [];
  }));
}

function references(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => (key === "$ref" ? [String(value)] : references(value)));
}

/** Returns the schema of a message of a channel, by the name that it has on the wire. */
function schemaOf(channel: string, name: string, side: "" | "ask" = ""): Schema {
  const [messages] = follow(`#/channels/${channel}/messages`, file);
  const keys = Object.keys(messages as object).filter((key) => key.startsWith("ask") === (side === "ask"));
  for (const key of keys) {
    const [message] = follow(`#/components/messages/${key}`, file);
    if ((message as { name: string }).name === name) return (message as { payload: Schema }).payload;
  }
  throw new Error(`${channel} has no message ${name}`);
}

test("every reference leads somewhere, and every channel is a path of the OpenAPI document", () => {
  const document = JSON.parse(readFileSync(file, "utf8")) as { channels: Record<string, { address: string }> };
  for (const reference of references(document)) follow(reference, file);
  const parts = ["crates/viz-api/src/openapi.json", "crates/gotong-api/src/openapi.json"];
  const paths = parts.flatMap((part) => Object.keys(JSON.parse(readFileSync(join(root, part), "utf8")).paths));
  for (const { address } of Object.values(document.channels)) assert.ok(paths.includes(address), address);
});

test("what the real server sends is as the document says", { timeout: 30_000 }, async () => {
  const server = await new Server().start();
  const options = { url: server.url, apiKey: KEY };
  const seen = new Set<string>();
  const check = (channel: string, name: string, value: unknown) => {
    assert.deepEqual(problems(value, schemaOf(channel, name)), [], `${channel} ${name}: ${JSON.stringify(value)}`);
    seen.add(`${channel} ${name}`);
  };
  try {
    await publishOrgEvent("action.created", { n: 1 }, options);
    const frames = eventSource(`${server.url}/api/stream?after=nonsense`, { apiKey: KEY });
    for await (const { event, data } of frames) {
      const name = ["connected", "gap", "goodbye"].includes(event) ? event : "event";
      check("stream", name, JSON.parse(data));
      if (event === "action.created") void server.stop();
      if (event === "goodbye") break;
    }
    await server.stop();
    await server.start();
    options.url = server.url;
    const chat = new Chat(options);
    const { thread_id: id } = await chat.createThread("sdk", "public");
    await chat.send(id, "hello");
    for await (const { event, data } of eventSource(`${server.url}/v1/chat/threads/${id}/messages/stream?after=0`, { apiKey: KEY })) {
      check("thread", event, JSON.parse(data));
      if (event === "message") break;
    }
    await socket(server.url, check);
    const wanted = ["stream connected", "stream event", "stream gap", "stream goodbye", "thread ping", "thread message",
      "socket connected", "socket subscribed", "socket event", "socket gap", "socket ack", "socket error"];
    assert.deepEqual(wanted.filter((one) => !seen.has(one)), []);
    assert.equal((await listOrgEvents({}, options)).gap, null);
  } finally {
    await server.stop("SIGKILL");
  }
});

async function socket(url: string, check: (channel: string, name: string, value: unknown) => void): Promise<void> {
  const Socket = WebSocket as unknown as new (url: string, init: object) => WebSocket;
  const open = new Socket(`${url.replace("http", "ws")}/api/ws`, { headers: { "x-api-key": KEY } });
  const seen = new Set<string>();
  let failure: unknown;
  open.onmessage = ({ data }) => {
    const frame = JSON.parse(String(data)) as { type: string };
    try {
      check("socket", frame.type, frame);
    } catch (error) {
      failure ??= error;
    }
    seen.add(frame.type);
  };
  const say = (frame: { type: string }) => {
    assert.deepEqual(problems(frame, schemaOf("socket", frame.type, "ask")), []);
    open.send(JSON.stringify(frame));
  };
  await until("the socket", () => seen.has("connected"));
  say({ type: "subscribe", stream: "events", after: "nonsense" } as { type: string });
  say({ type: "publish", ref: "1", event: "action.created", payload: {} } as { type: string });
  say({ type: "unsubscribe", stream: "nonsense" } as { type: string });
  await until("all frames", () => ["subscribed", "event", "gap", "ack", "error"].every((type) => seen.has(type)));
  open.close();
  if (failure) throw failure;
}
