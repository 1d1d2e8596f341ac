/** The ids of the last events, so that none is given twice; two sets, so that it stays bounded. */
export class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();
  readonly #size: number;

  /** Remembers at least `size` ids, and at most twice as many. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Returns whether the id is new, and remembers it. */
  add(id: string): boolean {
    if (this.#young.has(id) || this.#old.has(id)) return false;
    this.#young.add(id);
    if (this.#young.size >= this.#size) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    return true;
  }
}
