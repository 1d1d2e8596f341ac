/**
 * Builds the page into the folder that the server embeds; with a folder as argument, into that one.
 *
 * The same sources give the same bytes: a test builds anew and compares.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const home = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = resolve(process.argv[2] ?? join(home, "../../crates/console-api/dist"));
mkdirSync(out, { recursive: true });

const made = await Bun.build({
  entrypoints: [join(home, "src/main.tsx")],
  target: "browser",
  format: "esm",
  minify: true,
  root: home,
  define: { "process.env.NODE_ENV": '"production"' },
});
if (!made.success) throw new AggregateError(made.logs, "the bundle failed");
const [bundle] = made.outputs;
if (!bundle || made.outputs.length !== 1) throw new Error("the bundle is not one file");
writeFileSync(join(out, "console.js"), `${(await bundle.text()).trimEnd()}\n`);
const uplot = readFileSync(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.min.css")), "utf8");
writeFileSync(join(out, "console.css"), `${uplot.trim()}\n${readFileSync(join(home, "src/console.css"), "utf8")}`);
for (const name of ["index.html", "icon.svg"]) writeFileSync(join(out, name), readFileSync(join(home, "src", name)));
