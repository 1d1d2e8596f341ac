/** The package as a project of its own gets it: packed, unpacked, imported, compiled against. */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, run } from "./support/program.ts";
import { folder } from "./support/server.ts";

const bun = process.env["SDK_BUN"] ?? process.execPath;
const home = join(root, "sdk/typescript");

/** Makes a project that has the packed SDK and React, and returns its folder. */
async function project(): Promise<string> {
  const dir = folder();
  const installed = join(dir, "node_modules/tidegate");
  mkdirSync(installed, { recursive: true });
  await run(bun, ["pm", "pack", "--destination", dir], {}, home);
  const archive = readdirSync(dir).find((name) => name.endsWith(".tgz"));
  await run("tar", ["-xzf", join(dir, archive ?? "nothing was packed"), "-C", installed, "--strip-components=1"]);
  for (const name of ["react", "react-dom", "@types"]) symlinkSync(join(home, "node_modules", name), join(dir, "node_modules", name));
  writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
  return dir;
}

/** Returns the guide's blocks of one language. */
function blocks(language: string): string[] {
  const guide = readFileSync(join(root, "docs/sdk.md"), "utf8");
  return [...guide.matchAll(new RegExp("^```" + language + "\\n(.*?)^```", "gms"))].map((match) => match[1] ?? "");
}

test("a project that has the package can import it, and compiles the guide's examples", { timeout: 120_000 }, async () => {
  const dir = await project();
  assert.deepEqual(readdirSync(join(dir, "node_modules/tidegate")).sort(), ["LICENSE", "dist", "package.json"]);
  const names = await run("node", ["-e", 'import("tidegate").then((all) => console.log(Object.keys(all).join()))'], {}, dir);
  for (const name of ["subscribe", "publishOrgEvent", "subscribeOrgEvents", "openSocket", "Chat"]) assert.match(names, new RegExp(name));
  const [example = ""] = blocks("ts");
  assert.match(example, /from "tidegate"/);
  writeFileSync(join(dir, "guide.ts"), example);
  const [hook = ""] = blocks("tsx");
  writeFileSync(join(dir, "hook.tsx"), hook.replace("const {", "export const List = (url: string, token: () => Promise<string>) => {\nconst {") + "return <p>{status} {gap?.reason} {String(error)} {events.length}</p> };");
  const strictest = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noEmit", "--jsx", "react-jsx", "--target", "es2022"];
  for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
    const settings = ["--module", module, "--moduleResolution", resolution, "--types", "bun"];
    await run("node", [join(home, "node_modules/typescript/bin/tsc"), ...strictest, ...settings, "guide.ts", "hook.tsx"], {}, dir);
  }
  // One React: that of the project, and not a second one beside the SDK.
  const page = 'import { createElement } from "react";\nimport { renderToString } from "react-dom/server";\nimport { useTidegate } from "tidegate/react";\n'
    + 'const Page = () => createElement("p", null, useTidegate("events", { url: "http://127.0.0.1:9" }).status);\nconsole.log(renderToString(createElement(Page)));';
  assert.equal((await run("node", ["--input-type=module", "-e", page], {}, dir)).trim(), "<p>connecting</p>");
});
