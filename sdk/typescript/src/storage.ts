/** Where a subscription keeps its cursor over a restart of the program. */

import { timer, withDeadline } from "./wait.ts";

/** A storage for cursors. Either may fail: the stream goes on, and `onStorageError` is called. */
export interface CursorStorage {
  load(key: string): string | null | undefined | Promise<string | null | undefined>;
  save(key: string, cursor: string): void | Promise<void>;
}

/** Keeps cursors in `localStorage`, `sessionStorage` or what looks like them. */
export function webStorage(storage: Pick<Storage, "getItem" | "setItem">, prefix = "tidegate:"): CursorStorage {
  return {
    load: (key) => storage.getItem(prefix + key),
    save: (key, cursor) => storage.setItem(prefix + key, cursor),
  };
}

/** Keeps cursors as long as the program runs. */
export function memoryStorage(): CursorStorage {
  const cursors = new Map<string, string>();
  return { load: (key) => cursors.get(key), save: (key, cursor) => void cursors.set(key, cursor) };
}

/** A storage has so long to say what it has. */
const LOAD_MS_MAX = 5000;
/** The end of a stream waits so long for the last save. */
const FLUSH_MS_MAX = 2000;

/** Saves the newest cursor, one save at a time and not more often than asked for. */
export class CursorKeeper {
  #newest: string | undefined;
  #saved: string | undefined;
  #savedAt: number | undefined;
  #saving: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #thrown: { error: unknown } | undefined;

  constructor(
    readonly storage: CursorStorage | undefined,
    readonly key: string,
    readonly everyMs: number,
    readonly onError: (error: unknown) => void,
  ) {}

  /** Returns the cursor of the last time; waits for five seconds at most, and not beyond the signal. */
  async load(signal: AbortSignal): Promise<string | undefined> {
    const { storage, key } = this;
    if (!storage || signal.aborted) return undefined;
    const late = () => new Error("the storage does not answer");
    try {
      return (await withDeadline(LOAD_MS_MAX, signal, late, async () => storage.load(key))) ?? undefined;
    } catch (error) {
      if (!signal.aborted) this.onError(error);
      return undefined;
    }
  }

  /** Has this cursor saved, at the latest when `everyMs` are over. Throws what `onError` threw since. */
  note(cursor: string): void {
    this.#newest = cursor;
    if (this.#thrown) throw this.#thrown.error;
    this.#schedule();
  }

  /** Waits for what is under way, and saves what is newer; for at most two seconds. Throws what `onError` threw. */
  async flush(): Promise<void> {
    if (!this.storage) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (waiting = timer(resolve, FLUSH_MS_MAX)));
    await Promise.race([late, (this.#saving ?? Promise.resolve()).then(() => this.#save())]);
    clearTimeout(waiting);
    if (this.#thrown) throw this.#thrown.error;
  }

  #schedule(): void {
    if (!this.storage || this.#saving || this.#timer !== undefined || this.#newest === this.#saved) return;
    const wait = this.#savedAt === undefined ? 0 : this.everyMs - (performance.now() - this.#savedAt);
    if (wait <= 0) return void this.#save();
    this.#timer = timer(() => void this.#save(), wait);
  }

  /** Saves the newest cursor, unless a save is under way; never rejects. */
  #save(): Promise<void> {
    this.#timer = undefined;
    this.#saving ??= this.#write().then((isWell) => {
      this.#saving = undefined;
      // A failure is made up for with the next event, and not at once.
      if (isWell) this.#schedule();
    });
    return this.#saving;
  }

  async #write(): Promise<boolean> {
    const cursor = this.#newest;
    if (!this.storage || cursor === undefined || cursor === this.#saved) return true;
    this.#savedAt = performance.now();
    try {
      await this.storage.save(this.key, cursor);
      this.#saved = cursor;
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  #report(error: unknown): void {
    try {
      this.onError(error);
    } catch (thrown) {
      this.#thrown = { error: thrown };
    }
  }
}
