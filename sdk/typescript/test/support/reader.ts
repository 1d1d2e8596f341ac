/** A reader on both transports, for whatever runtime this is bundled into. */

import type { Gap } from "../../src/generated.ts";
import { listOrgEvents } from "../../src/events.ts";
import { subscribe } from "../../src/subscribe.ts";
import { openSocket } from "../../src/websocket.ts";

/** What has come: ids marked with their transport. */
export interface Account {
  ids: string[];
  gaps: Gap[];
  errors: string[];
  isReading: boolean;
  stop: () => void;
}

/** Reads the organisation's events by Server-Sent Events (0) and on a WebSocket (1). */
export function readBoth(url: string, apiKey: string): Account {
  const ending = new AbortController();
  const account: Account = { ids: [], gaps: [], errors: [], isReading: false, stop: () => ending.abort() };
  const backoff = { baseMs: 100, maxMs: 1000 };
  const onGap = (gap: Gap) => void account.gaps.push(gap);
  const common = { url, apiKey, backoff, signal: ending.signal };
  const socket = openSocket({ ...common, silenceMsMax: 700 });
  const follow = async (mark: string, events: AsyncIterable<{ id: string }>) => {
    for await (const event of events) account.ids.push(mark + event.id);
  };
  const note = (error: unknown) => void account.errors.push(String(error));
  const begin = async () => {
    const { next: after } = await listOrgEvents({ limit: 500 }, common);
    follow("0:", subscribe("events", { ...common, after, onGap, silenceMsMax: 2000 })).catch(note);
    follow("1:", socket.subscribe("events", { after, onGap })).catch(note);
    account.isReading = true;
  };
  begin().catch(note);
  return account;
}
