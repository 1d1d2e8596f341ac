/** Numbers from a seed, which is printed where a test fails: the same seed, the same choices. */

/** Makes choices. */
export class Random {
  #state: number;

  constructor(readonly seed = Number(process.env["SDK_SEED"] ?? Math.floor(Math.random() * 2 ** 31))) {
    this.#state = seed;
  }

  /** Returns a number of 0 until below `end` (mulberry32). */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

/** Runs a test with a seed, and says it where the test fails. */
export async function seeded(body: (random: Random) => Promise<void>): Promise<void> {
  const random = new Random();
  try {
    await body(random);
  } catch (error) {
    throw new Error(`SDK_SEED=${random.seed}: ${String(error)}`, { cause: error });
  }
}
