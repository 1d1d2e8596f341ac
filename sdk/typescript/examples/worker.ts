/** A Node worker: handles each event once it can, and goes on where it was after a restart. */

import { readFile, rename, writeFile } from "node:fs/promises";
import { subscribe, type CursorStorage } from "../src/index.ts";

const { TIDEGATE_URL: url = "http://127.0.0.1:3000", TIDEGATE_KEY: apiKey, CURSOR_FILE: file = "cursor" } = process.env;

/** A file, written whole or not at all. */
const storage: CursorStorage = {
  load: () => readFile(file, "utf8").catch(() => undefined),
  save: async (_, cursor) => {
    await writeFile(`${file}.new`, cursor);
    await rename(`${file}.new`, file);
  },
};

const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());

const events = subscribe("events", {
  url, apiKey, storage, saveEveryMs: 100, signal: ending.signal,
  onConnected: ({ resume }) => console.log("connected", resume),
  onGap: (gap) => console.error("events may be missing", gap),
});
for await (const event of events) console.log(event.event, JSON.stringify(event.payload));
