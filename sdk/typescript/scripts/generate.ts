/**
 * Writes src/generated.ts: the types of the server's OpenAPI document.
 *
 * Reads both parts where the server has them in the tree, so nothing runs. `--check` only compares.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const target = join(root, "sdk/typescript/src/generated.ts");
const parts = ["crates/viz-api/src/openapi.json", "crates/gotong-api/src/openapi.json"];

/** Returns the text that the file must have. */
export function generated(): string {
  const schemas: Record<string, Schema> = {};
  for (const part of parts) {
    Object.assign(schemas, JSON.parse(readFileSync(join(root, part), "utf8")).components.schemas);
  }
  const types = Object.entries(schemas).map(([name, schema]) =>
    `${comment(schema, "")}export type ${name} = ${typeOf(schema, "")};\n`);
  const codes = typeOf(schemas["Error"]?.properties?.["error"]?.properties?.["code"] ?? {}, "");
  return [
    "// Made by scripts/generate.ts from the server's OpenAPI document; do not edit.\n",
    ...types,
    `/** The codes of the server's errors. */\nexport type ErrorCode = ${codes};\n`,
  ].join("\n");
}

function comment(schema: Schema, indent: string): string {
  return schema.description ? `${indent}/** ${schema.description.replaceAll("*/", "* /")} */\n` : "";
}

function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return choice.map((one) => typeOf(one, indent)).join(" | ");
  if (schema.allOf) return schema.allOf.map((one) => typeOf(one, indent)).join(" & ");
  const kinds = [schema.type ?? (schema.properties ? "object" : "unknown")].flat();
  return kinds.map((kind) => plain(kind, schema, indent)).join(" | ");
}

function plain(kind: string, schema: Schema, indent: string): string {
  switch (kind) {
    case "integer":
      return "number";
    case "array": {
      const item = typeOf(schema.items ?? {}, indent);
      return /[|&]/.test(item) && !item.startsWith("{") ? `(${item})[]` : `${item}[]`;
    }
    case "object":
      return object(schema, indent);
    default:
      return kind;
  }
}

function object(schema: Schema, indent: string): string {
  const { properties, additionalProperties: more } = schema;
  if (!properties || Object.keys(properties).length === 0) {
    if (properties && more === false) return "Record<string, never>";
    return typeof more === "object" ? `Record<string, ${typeOf(more, indent)}>` : "Record<string, unknown>";
  }
  const inner = indent + "  ";
  const fields = Object.entries(properties).map(([name, field]) => {
    const mark = schema.required?.includes(name) ? "" : "?";
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `${comment(field, inner)}${inner}${key}${mark}: ${typeOf(field, inner)};\n`;
  });
  return `{\n${fields.join("")}${indent}}`;
}

if (import.meta.main) {
  const text = generated();
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) {
    console.error("src/generated.ts is not that of the OpenAPI document: run `bun run generate`");
    process.exit(1);
  }
}
