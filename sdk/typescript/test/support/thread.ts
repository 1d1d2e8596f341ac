/** A thread of Node: reads on both transports, and says what came. */

import { parentPort, workerData } from "node:worker_threads";
import { readBoth } from "./reader.ts";

const { url, apiKey } = workerData as { url: string; apiKey: string };
const account = readBoth(url, apiKey);
const said = setInterval(() => parentPort?.postMessage({ ids: account.ids, errors: account.errors, isReading: account.isReading }), 50);
parentPort?.once("message", () => {
  clearInterval(said);
  account.stop();
});
