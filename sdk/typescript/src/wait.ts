/** Time and its end: bounded waits that a signal cuts short, and how long to back off. */

/** What a timer can hold, 24.8 days; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Calls back after so long, or after the longest time that a timer can hold. */
export function timer(callback: () => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(callback, Math.min(ms, TIMER_MS_MAX));
}

/** Waits, or until the signal; never throws. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(waiting);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const waiting = timer(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Waits for a promise, and no longer than the signal; throws its reason then. */
export function untilAborted<T>(what: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return what;
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    what.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

/** Lets a signal end a controller too; returns what undoes it. */
export function forwardAbort(signal: AbortSignal | null | undefined, ending: AbortController): () => void {
  const end = () => ending.abort(signal?.reason);
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end);
  return () => signal?.removeEventListener("abort", end);
}

/** Runs something with a signal that also ends after so long (0: never), with the error given; throws the signal's reason. */
export async function withDeadline<T>(
  ms: number, signal: AbortSignal | null | undefined, late: () => Error, what: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const stopForwarding = forwardAbort(signal, ending);
  const waiting = ms > 0 ? timer(() => ending.abort(late()), ms) : undefined;
  try {
    return await untilAborted(what(ending.signal), ending.signal);
  } finally {
    clearTimeout(waiting);
    stopForwarding();
  }
}

/** How the time between attempts grows. */
export interface Backoff {
  /** The first wait; by default what the server's `retry:` says, else 1000. */
  baseMs?: number | undefined;
  /** The longest wait, 30 000 by default. */
  maxMs?: number | undefined;
}

/** Returns a wait with jitter: between a half and the whole of what has doubled with each failure. */
export function backoffMs(failures: number, retryMs: number | undefined, backoff: Backoff = {}): number {
  const base = backoff.baseMs ?? retryMs ?? 1000;
  const whole = Math.min(backoff.maxMs ?? 30_000, base * 2 ** Math.min(failures, 20));
  return whole * (0.5 + Math.random() / 2);
}

/** A connection that lasts shorter than this counts as brief. */
const BRIEF_MS = 1000;

/** Chooses the waits between connections. Who is told to come at once, again and again, backs off all the same. */
export class RetryDelays {
  #beganAt = -Infinity;
  #brief = 0;

  constructor(readonly backoff: Backoff = {}) {}

  /** A connection is attempted. */
  begin(): void {
    this.#beganAt = performance.now();
  }

  /** Returns how long to wait, at least what the server asked for; `failures` in a row, none after a good connection. */
  next(failures: number, askedMs: number | undefined, retryMs?: number): number {
    this.#brief = performance.now() - this.#beganAt < BRIEF_MS ? this.#brief + 1 : 0;
    const wait = askedMs ?? backoffMs(Math.max(0, failures - 1), retryMs, this.backoff);
    const atLeast = this.#brief < 3 ? 0 : backoffMs(this.#brief - 3, 200, this.backoff);
    return Math.min(Math.max(wait, atLeast), TIMER_MS_MAX);
  }
}
