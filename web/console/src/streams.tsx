/** Live events of a stream: watch, filter, pause, go on from a cursor, publish. */

import { publishOrgEvent } from "tidegate";
import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { noteRefusal, said } from "./api.ts";
import { Feed, type FeedStatus } from "./feed.ts";
import { bytes, clock, count } from "./format.ts";
import type { Row } from "./history.ts";
import { Rows } from "./rows.tsx";
import { credential, server } from "./session.ts";
import { Badge, Card, Facts, Field, Json, type Tone, Trouble } from "./ui.tsx";

const WORDS: Record<FeedStatus, [Tone, string]> = {
  idle: ["idle", "not begun"], connecting: ["warn", "connecting"], open: ["good", "live"],
  waiting: ["warn", "connection lost, trying again"], paused: ["idle", "paused"], ended: ["idle", "ended"],
};

/** What is read and how, kept while other pages are looked at. */
interface Kept {
  feed: Feed;
  form: { stream: string; from: "now" | "window" | "cursor"; cursor: string; names: string; wanted: string; follows: boolean };
}

let kept: Kept | undefined;

// Who signs out reads nothing any more, and leaves no rows to whoever signs in next.
effect(() => {
  void credential.value;
  kept?.feed.stop();
  kept = undefined;
});

function keptOrNew(): Kept {
  if (!kept) {
    kept = { feed: new Feed(), form: { stream: "events", from: "now", cursor: "", names: "", wanted: "", follows: true } };
    kept.feed.start({ stream: "events" });
  }
  return kept;
}

/** The page of streams. */
export function Streams() {
  const [version, setVersion] = useState(0);
  const [{ feed, form }] = useState(keptOrNew);
  const [picked, setPicked] = useState<Row>();
  const change = () => setVersion((before) => before + 1);
  const set = (part: Partial<Kept["form"]>) => (Object.assign(form, part), change());
  useEffect(() => feed.watch(change), [feed]);
  const { stream, from, cursor, names, wanted, follows } = form;
  const begin = (event: Event) => {
    event.preventDefault();
    feed.clear();
    feed.start({ stream, events: names, isFromWindow: from === "window", after: from === "cursor" ? cursor.trim() : undefined });
  };
  const [tone, word] = WORDS[feed.status];
  const { history } = feed;
  return (
    <div class="page">
      <Card title="Stream" wide>
        <form class="bar" onSubmit={begin}>
          <Field label="Stream">{(id) => (
            <input id={id} value={stream} list={`${id}l`} onInput={(event) => set({ stream: event.currentTarget.value })} placeholder="events, ops, thread:ID, chain:KEY" />
          )}</Field>
          <Field label="Begin">{(id) => (
            <select id={id} value={from} onChange={(event) => set({ from: event.currentTarget.value as typeof from })}>
              <option value="now">now</option>
              <option value="window">at the beginning of the window</option>
              <option value="cursor">after a cursor</option>
            </select>
          )}</Field>
          {from === "cursor" && <Field label="Cursor">{(id) => <input id={id} value={cursor} required onInput={(event) => set({ cursor: event.currentTarget.value })} />}</Field>}
          <Field label="Names">{(id) => <input id={id} value={names} placeholder="all, or action.*" onInput={(event) => set({ names: event.currentTarget.value })} />}</Field>
          <button type="submit">Read</button>
        </form>
        <Trouble text={feed.error} />
        <div class="bar" role="group" aria-label="What is shown">
          <span role="status"><Badge tone={tone}>{word}</Badge></span>
          <span>{count(history.events)} events{feed.status === "open" && feed.perSecond > 0 ? `, ${count(feed.perSecond)} a second` : ""}</span>
          {history.forgotten > 0 && <span>{count(history.forgotten)} older rows are not kept</span>}
          {feed.status === "paused"
            ? <button type="button" onClick={() => feed.resume()}>Resume</button>
            : <button type="button" disabled={feed.status !== "open"} onClick={() => feed.pause()}>Pause</button>}
          <button type="button" onClick={() => feed.clear()}>Clear</button>
          <label class="check"><input type="checkbox" checked={follows} onChange={(event) => set({ follows: event.currentTarget.checked })} /> Follow</label>
          <Field label="Filter">{(id) => (
            <input id={id} type="search" value={wanted} placeholder="a text in name or payload" onInput={(event) => {
              history.filter(event.currentTarget.value);
              set({ wanted: event.currentTarget.value });
            }} />
          )}</Field>
        </div>
        <Rows
          label="Events" columns={["Time", "Event", "Payload"]} rows={history.shown} version={version} keyOf={(row) => row.n}
          cells={cells} kindOf={(row) => row.kind} onPick={setPicked} follows={follows && feed.status !== "paused"}
          empty={wanted ? "No row has this text." : "Nothing has come yet: publish something below, or from a program."}
        />
        {feed.cursor && <p class="dim">Cursor: <code>{feed.cursor}</code></p>}
      </Card>
      <Card title="Row">{picked ? <Details row={picked} /> : <p class="empty">Choose a row to see all of it.</p>}</Card>
      <Publish />
    </div>
  );
}

function cells(row: Row) {
  if (row.kind !== "event") {
    return (
      <>
        <span role="cell">{clock(row.at)}</span>
        <span role="cell">{row.kind === "gap" ? <Badge tone="bad">gap</Badge> : <Badge tone="idle">connection</Badge>}</span>
        <span role="cell">{row.text}</span>
      </>
    );
  }
  return <><span role="cell">{clock(row.at)}</span><span role="cell">{row.event}</span><span role="cell"><code>{row.preview}</code></span></>;
}

function Details({ row }: { row: Row }) {
  if (row.kind === "note") return <p>{row.text}</p>;
  if (row.kind === "gap") return <><p>{row.text}</p><Json of={row.gap} label="The gap" /></>;
  return (
    <>
      <Facts of={[["Event", row.event], ["Id", <code>{row.id}</code>], ["Cursor", <code>{row.cursor}</code>], ["Time", row.at], ["Size", bytes(row.payload.length)]]} />
      <Json of={JSON.parse(row.payload)} label="Payload" />
    </>
  );
}

function Publish() {
  const [name, setName] = useState("console.said");
  const [payload, setPayload] = useState('{ "hello": "world" }');
  const [outcome, setOutcome] = useState("");
  const [problem, setProblem] = useState("");
  const isBusy = useRef(false);
  const publish = async (event: Event) => {
    event.preventDefault();
    if (isBusy.current) return;
    setProblem("");
    setOutcome("");
    let parsed: Record<string, unknown>;
    try {
      parsed = JSON.parse(payload) as Record<string, unknown>;
    } catch (error) {
      setProblem(`The payload is no JSON: ${said(error)}`);
      return;
    }
    isBusy.current = true;
    try {
      const receipt = await publishOrgEvent(name, parsed, server.value);
      setOutcome(`Acknowledged as ${receipt.id} at ${receipt.cursor}.`);
    } catch (error) {
      noteRefusal(error);
      setProblem(said(error));
    } finally {
      isBusy.current = false;
    }
  };
  return (
    <Card title="Publish">
      <form onSubmit={publish}>
        <Field label="Event">{(id) => <input id={id} value={name} required onInput={(event) => setName(event.currentTarget.value)} />}</Field>
        <Field label="Payload" hint="A JSON object.">{(id) => <textarea id={id} rows={4} value={payload} spellcheck={false} onInput={(event) => setPayload(event.currentTarget.value)} />}</Field>
        <button type="submit">Publish</button>
        <p role="status">{outcome}</p>
        <Trouble text={problem} />
      </form>
    </Card>
  );
}
