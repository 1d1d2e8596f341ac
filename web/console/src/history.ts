/**
 * What a stream brought, as rows that are kept: bounded by number and by the characters that they hold.
 *
 * Pure: it knows neither streams nor pages.
 */

import type { Gap, StreamEvent } from "tidegate";

/** Rows that are kept. */
export const ROWS_MAX = 5000;
/** Characters of payloads that are kept. */
export const CHARS_MAX = 16 * 1024 * 1024;
/** Characters of a payload that stand in its row. */
const PREVIEW_CHARS = 240;

/** One line of the table. */
export type Row =
  | { kind: "event"; n: number; at: string; id: string; cursor: string; event: string; preview: string; payload: string }
  | { kind: "gap"; n: number; at: string; text: string; gap: Gap }
  | { kind: "note"; n: number; at: string; text: string };

/** A row without its number. */
export type NewRow = Row extends infer R ? (R extends Row ? Omit<R, "n"> : never) : never;

/** Makes a row of an event. */
export function rowOf(event: StreamEvent): NewRow {
  const payload = JSON.stringify(event.payload) ?? "null";
  const preview = payload.length > PREVIEW_CHARS ? `${payload.slice(0, PREVIEW_CHARS)}…` : payload;
  return { kind: "event", at: event.timestamp, id: event.id, cursor: event.cursor, event: event.event, preview, payload };
}

/** Says a gap in a sentence. */
export function gapText(gap: Gap): string {
  const many = gap.missed === null ? "Events" : `${gap.missed} event${gap.missed === 1 ? "" : "s"}`;
  const why = {
    expired: "they are older than the window that the server keeps",
    unknown_cursor: "the server does not know the cursor",
    diverged: "the cursor is of a history that was given up",
    lagged: "this reader was too far behind",
    data_loss: "the server lost data",
  }[gap.reason];
  return `${many} may be missing here: ${why}.`;
}

/** The rows that are kept, the oldest first, and those that pass the filter. */
export class History {
  #rows: Row[] = [];
  #chars = 0;
  #next = 0;
  #wanted = "";
  #shown: Row[] = [];
  /** How many events came. */
  events = 0;
  /** How many rows are not kept any more. */
  forgotten = 0;

  /** The rows that pass the filter, the oldest first. */
  get shown(): readonly Row[] {
    return this.#wanted ? this.#shown : this.#rows;
  }

  /** Adds a row, and forgets the oldest ones where there are too many. */
  add(row: NewRow): void {
    const added = { ...row, n: this.#next } as Row;
    this.#next += 1;
    this.#rows.push(added);
    this.#chars += weight(added);
    if (added.kind === "event") this.events += 1;
    if (this.#wanted && passes(added, this.#wanted)) this.#shown.push(added);
    // Many at a time: a list that loses its first element with each new one is copied each time.
    if (this.#rows.length > ROWS_MAX * 1.1 || this.#chars > CHARS_MAX) this.#forget();
  }

  /** Shows only rows that have a text, whatever its case; gaps and notes always. */
  filter(text: string): void {
    this.#wanted = text.toLowerCase();
    this.#shown = this.#wanted ? this.#rows.filter((row) => passes(row, this.#wanted)) : [];
  }

  /** Forgets everything. */
  clear(): void {
    this.#rows = [];
    this.#shown = [];
    this.#chars = 0;
    this.events = 0;
    this.forgotten = 0;
  }

  #forget(): void {
    let gone = 0;
    while (this.#rows.length - gone > 1 && (this.#rows.length - gone > ROWS_MAX || this.#chars > CHARS_MAX * 0.9)) {
      this.#chars -= weight(this.#rows[gone] as Row);
      gone += 1;
    }
    this.#rows.splice(0, gone);
    this.forgotten += gone;
    const oldest = this.#rows[0]?.n ?? this.#next;
    const first = this.#shown.findIndex((row) => row.n >= oldest);
    this.#shown.splice(0, first < 0 ? this.#shown.length : first);
  }
}

function weight(row: Row): number {
  return row.kind === "event" ? row.payload.length + row.preview.length : 0;
}

function passes(row: Row, wanted: string): boolean {
  if (row.kind !== "event") return true;
  return row.event.toLowerCase().includes(wanted) || row.id.toLowerCase() === wanted || row.payload.toLowerCase().includes(wanted);
}
