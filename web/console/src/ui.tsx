/** Small parts that every page has. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/** How good something is; shown by a sign and a word, never by colour alone. */
export type Tone = "good" | "warn" | "bad" | "idle";

const SIGNS: Record<Tone, string> = { good: "✓", warn: "!", bad: "✕", idle: "·" };

/** A word with a sign of how good it is. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}><span aria-hidden="true">{SIGNS[tone]}</span> {children}</span>;
}

/** The tone of a status word of health, a verdict or a phase. */
export function toneOf(word: string | null | undefined): Tone {
  if (!word) return "idle";
  if (["healthy", "ok", "ready", "PASS", "active", "subscribed", "done", "kept", "success", "passed", "included", "final", "confirmed"].includes(word)) return "good";
  if (["unhealthy", "unavailable", "FAIL", "ERROR", "error", "rollback-failed", "revert", "halt", "dropped", "failed", "refuted", "damaged"].includes(word)) return "bad";
  if (["off", "unused", "idle", "pending", "candidate", "not begun"].includes(word)) return "idle";
  return "warn";
}

/** A part of a page under a heading. */
export function Card({ title, aside, children, wide }: { title: string; aside?: ComponentChildren; children: ComponentChildren; wide?: boolean }) {
  const id = useId();
  return (
    <section class={wide ? "card wide" : "card"} aria-labelledby={id}>
      <header><h2 id={id}>{title}</h2>{aside && <div class="aside">{aside}</div>}</header>
      {children}
    </section>
  );
}

/** Names and values. */
export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return <dl class="facts">{of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

/** What went wrong, told to screen readers too. */
export function Trouble({ text }: { text: string }) {
  return text ? <p class="trouble" role="alert"><span aria-hidden="true">✕</span> {text}</p> : null;
}

/** A labelled field. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return <div class="field"><label for={id}>{label}</label>{children(id)}{hint && <small>{hint}</small>}</div>;
}

/** What a second confirmation asks for. */
export interface Question {
  title: string;
  /** What will happen. */
  text: ComponentChildren;
  /** What has to be typed. */
  word: string;
  act: () => Promise<void>;
}

/** Asks for a word before something is done; `undefined` asks nothing. */
export function Confirm({ question, onEnd }: { question: Question | undefined; onEnd: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    setTyped("");
    setError("");
    if (question) dialog.current?.showModal();
    else dialog.current?.close();
  }, [question]);
  const act = async (event: Event) => {
    event.preventDefault();
    if (!question || typed !== question.word || isBusy) return;
    setBusy(true);
    try {
      await question.act();
      onEnd();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={`${id}t`} onClose={onEnd}>
      {question && (
        <form onSubmit={act}>
          <h2 id={`${id}t`}>{question.title}</h2>
          <div>{question.text}</div>
          <label for={id}>Type <code>{question.word}</code> to confirm</label>
          <input id={id} value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          <Trouble text={error} />
          <footer>
            <button type="button" onClick={onEnd}>Cancel</button>
            <button type="submit" class="danger" disabled={typed !== question.word || isBusy}>{isBusy ? "Working…" : "Confirm"}</button>
          </footer>
        </form>
      )}
    </dialog>
  );
}

/** JSON, indented, as text; a long one is cut until somebody asks for all of it. */
export function Json({ of, label }: { of: unknown; label: string }) {
  const [isWhole, setWhole] = useState(false);
  const text = typeof of === "string" ? of : JSON.stringify(of, null, 2) ?? "";
  const isLong = text.length > JSON_CHARS_SHOWN && !isWhole;
  return (
    <>
      <pre class="json" tabIndex={0} aria-label={label}>{isLong ? `${text.slice(0, JSON_CHARS_SHOWN)}…` : text}</pre>
      {isLong && <button type="button" onClick={() => setWhole(true)}>Show all {text.length.toLocaleString("en-GB")} characters</button>}
    </>
  );
}

/** Characters of JSON that are shown at once. */
const JSON_CHARS_SHOWN = 20_000;
