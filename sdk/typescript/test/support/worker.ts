/** A worker of a browser: reads on both transports, publishes on its socket, and says what came. */

import { openSocket } from "../../src/index.ts";
import { readBoth } from "./reader.ts";

addEventListener("message", ({ data }: MessageEvent<{ url: string; apiKey: string; token: string }>) => {
  const account = readBoth(data.url, data.apiKey);
  const note = (error: unknown) => void account.errors.push(String(error));
  const wait = setInterval(() => {
    if (!account.isReading) return;
    clearInterval(wait);
    // By a request of its own, and by what the token allows on a socket that a ticket opened.
    for (const credential of [{ apiKey: data.apiKey }, { token: data.token }]) {
      openSocket({ url: data.url, ...credential }).publish("worker.spoke", {}).catch(note);
    }
  }, 20);
  setInterval(() => postMessage({ ids: account.ids, errors: account.errors }), 50);
});
