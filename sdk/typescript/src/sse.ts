/**
 * Server-Sent Events by the WHATWG rules, from text to frames.
 *
 * Owns what a frame is; knows nothing of Tidegate, of connections or of JSON.
 */

/** One dispatched event of a stream. */
export interface Frame {
  /** The event's name; `message` where the stream gave none. */
  event: string;
  /** Its data, lines joined by a line feed. */
  data: string;
  /** The last id of the stream so far, this frame's included. */
  id: string;
}

/** A frame grew beyond what may be held. */
export class FrameTooLarge extends Error {}

/** Makes frames of a stream's text, which may be cut anywhere. */
export class SseParser {
  /** What the stream asked for by `retry:`, in milliseconds. */
  retryMs: number | undefined;
  #rest = "";
  #afterReturn = false;
  #isFirst = true;
  #event = "";
  #data: string | undefined;
  #id: string;
  readonly #charsMax: number;

  constructor(lastId = "", charsMax = Infinity) {
    this.#id = lastId;
    this.#charsMax = charsMax;
  }

  /** Returns the frames that this text completes; throws {@link FrameTooLarge}. */
  push(text: string): Frame[] {
    const frames: Frame[] = [];
    const fresh = this.#normal(text);
    let start = 0;
    // Only what is new is searched: a line that comes in many pieces is put together once.
    for (let end = fresh.indexOf("\n"); end >= 0; end = fresh.indexOf("\n", start)) {
      const line = this.#rest + fresh.slice(start, end);
      this.#rest = "";
      start = end + 1;
      if (line === "") this.#dispatch(frames);
      else this.#line(line);
    }
    this.#rest += start === 0 ? fresh : fresh.slice(start);
    if (this.#rest.length + (this.#data?.length ?? 0) > this.#charsMax) throw new FrameTooLarge();
    return frames;
  }

  /** Makes every line end a line feed, also where CR LF is cut in two. */
  #normal(text: string): string {
    if (this.#isFirst && text) {
      this.#isFirst = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (this.#afterReturn && text) {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#afterReturn = false;
    }
    if (!text.includes("\r")) return text;
    this.#afterReturn = text.endsWith("\r");
    return text.replace(/\r\n?/g, "\n");
  }

  #line(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (name === "data") {
      this.#data = this.#data === undefined ? value : this.#data + "\n" + value;
      if (this.#data.length > this.#charsMax) throw new FrameTooLarge();
    } else if (name === "event") this.#event = value;
    else if (name === "id") {
      if (!value.includes("\0")) this.#id = value;
    } else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(frames: Frame[]): void {
    if (this.#data !== undefined) {
      frames.push({ event: this.#event || "message", data: this.#data, id: this.#id });
    }
    this.#data = undefined;
    this.#event = "";
  }
}
