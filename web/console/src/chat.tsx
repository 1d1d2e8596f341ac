/** Threads of the tenant, to try and to support: find or make one, read it live, write in it. */

import { Chat as ChatClient, type Message, type Thread } from "tidegate";
import { useEffect, useRef, useState } from "preact/hooks";
import { noteRefusal, said } from "./api.ts";
import { moment } from "./format.ts";
import { server } from "./session.ts";
import { Badge, Card, Field, Trouble } from "./ui.tsx";

/** Messages that are kept of a thread. */
const MESSAGES_MAX = 500;

/** The page of chat. */
export function Chat() {
  const client = new ChatClient(server.value);
  const [scope, setScope] = useState("console");
  const [threads, setThreads] = useState<Thread[]>();
  const [more, setMore] = useState<string>();
  const [open, setOpen] = useState<string>();
  const [id, setId] = useState("");
  const [problem, setProblem] = useState("");
  const tried = async (what: () => Promise<void>) => {
    setProblem("");
    try {
      await what();
    } catch (error) {
      noteRefusal(error);
      setProblem(said(error));
    }
  };
  const find = (after?: string) => tried(async () => {
    const page = await client.threads(scope, { limit: 50, after });
    setThreads((before) => (after ? [...(before ?? []), ...page.threads] : page.threads));
    setMore(page.has_more && page.next ? page.next : undefined);
  });
  const make = () => tried(async () => {
    const thread = await client.createThread(scope, "public");
    setThreads((before) => [thread, ...(before ?? [])]);
    setOpen(thread.thread_id);
  });
  return (
    <div class="page two">
      <Card title="Threads">
        <form class="bar" onSubmit={(event) => (event.preventDefault(), void find())}>
          <Field label="Scope">{(field) => <input id={field} value={scope} required maxLength={128} onInput={(event) => setScope(event.currentTarget.value)} />}</Field>
          <button type="submit">Find</button>
          <button type="button" onClick={() => void make()}>New public thread</button>
        </form>
        <form class="bar" onSubmit={(event) => (event.preventDefault(), id.trim() && setOpen(id.trim()))}>
          <Field label="Thread's id">{(field) => <input id={field} value={id} placeholder="thr_…" onInput={(event) => setId(event.currentTarget.value)} />}</Field>
          <button type="submit">Open</button>
        </form>
        <Trouble text={problem} />
        {threads?.length === 0 && <p class="empty">This scope has no thread that this credential may see.</p>}
        <ul class="list">
          {threads?.map((thread) => (
            <li key={thread.thread_id}>
              <button type="button" class="plain" aria-pressed={open === thread.thread_id} onClick={() => setOpen(thread.thread_id)}>
                <code>{thread.thread_id}</code> <Badge tone="idle">{thread.privacy_level}</Badge> {thread.head_seq} messages
              </button>
            </li>
          ))}
        </ul>
        {more && <button type="button" onClick={() => void find(more)}>More</button>}
      </Card>
      {open ? <Messages key={open} thread={open} client={client} /> : <Card title="Messages"><p class="empty">Choose a thread.</p></Card>}
    </div>
  );
}

function Messages({ thread, client }: { thread: string; client: ChatClient }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const [status, setStatus] = useState("connecting");
  const [gap, setGap] = useState(false);
  const [problem, setProblem] = useState("");
  const [text, setText] = useState("");
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const ending = new AbortController();
    const follow = async () => {
      const known = await client.thread(thread, { signal: ending.signal });
      const after = Math.max(0, known.head_seq - MESSAGES_MAX);
      const options = { after: String(after), signal: ending.signal, onConnected: () => setStatus("live"), onRetry: () => setStatus("trying again"), onGap: () => setGap(true) };
      for await (const message of client.follow(thread, options)) setMessages((before) => merged(before, message));
    };
    follow().catch((error: unknown) => {
      if (ending.signal.aborted) return;
      noteRefusal(error);
      setProblem(said(error));
      setStatus("ended");
    });
    return () => ending.abort();
  }, [thread]);
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [messages.length]);
  const send = async (event: Event) => {
    event.preventDefault();
    setProblem("");
    try {
      await client.send(thread, text);
      setText("");
    } catch (error) {
      noteRefusal(error);
      setProblem(said(error));
    }
  };
  return (
    <Card title="Messages" aside={<Badge tone={status === "live" ? "good" : "warn"}>{status}</Badge>}>
      <p class="dim"><code>{thread}</code></p>
      {gap && <p class="reason">Messages may be missing: open the thread anew.</p>}
      <ol class="messages" tabIndex={0} aria-label="Messages">
        {messages.map((message) => <Line key={message.message_id} message={message} />)}
        <li ref={end} aria-hidden="true" />
      </ol>
      <form class="bar" onSubmit={send}>
        <Field label="Message">{(field) => <input id={field} value={text} required onInput={(event) => setText(event.currentTarget.value)} />}</Field>
        <button type="submit">Send</button>
      </form>
      <Trouble text={problem} />
    </Card>
  );
}

function Line({ message }: { message: Message }) {
  const { seq, author_id: sender, body, deleted_at_ms: deleted, edited_at_ms: edited, created_at_ms: created } = message;
  return (
    <li>
      <small>{seq} · {sender} · {moment(created)}{edited && !deleted ? " · edited" : ""}</small>
      <span>{deleted ? <em>removed</em> : body}</span>
    </li>
  );
}

/** Returns the messages with one more: an edited one stands where it stood. */
function merged(before: Message[], message: Message): Message[] {
  const place = before.findIndex((known) => known.seq === message.seq);
  if (place >= 0) return before.with(place, message);
  return [...before, message].slice(-MESSAGES_MAX);
}
