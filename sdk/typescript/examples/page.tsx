/** A React page: the organisation's newest events, and how the connection is. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { buyTicket, webStorage } from "../src/index.ts";
import { useTidegate } from "../src/react.ts";

// Where this page has its tickets from is up to you: a route of your own, which knows who asks.
const settings = new URLSearchParams(location.search);
const url = settings.get("url") ?? location.origin;
const ticket = async () => (await buyTicket({ url, apiKey: settings.get("key") ?? "" })).ticket;
const storage = webStorage(localStorage);

function Events() {
  const { events, status, gap } = useTidegate<{ number: number }>("events", { url, ticket, storage, keep: 20 });
  return (
    <main>
      <p id="status">{status}</p>
      {gap && <p>Events may be missing: {gap.reason}</p>}
      <ol>{events.map(({ id, event, payload }) => <li key={id}>{event} {payload.number}</li>)}</ol>
    </main>
  );
}

createRoot(document.body.appendChild(document.createElement("div"))).render(
  <StrictMode><Events /></StrictMode>,
);
