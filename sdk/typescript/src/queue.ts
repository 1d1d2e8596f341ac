/** What came and was not taken yet, with one taker. Whoever puts looks at `length` and `size`, and stops in time. */
export class Queue<T> {
  #items: { item: T; size: number }[] = [];
  #head = 0;
  #size = 0;
  #taker: { resolve: (item: T | undefined) => void; reject: (error: unknown) => void } | undefined;
  #end: { error: unknown } | undefined;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The sizes of all that waits. */
  get size(): number {
    return this.#size;
  }

  put(item: T, size: number): void {
    if (this.#end) return;
    const taker = this.#taker;
    this.#taker = undefined;
    if (taker) return taker.resolve(item);
    this.#size += size;
    this.#items.push({ item, size });
  }

  /** Nothing comes any more; what is there can still be taken, before the error. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    const taker = this.#taker;
    this.#taker = undefined;
    if (error === undefined) taker?.resolve(undefined);
    else taker?.reject(error);
  }

  /** Returns the next item, or undefined at the end; throws the error that `end` was given. */
  async take(): Promise<T | undefined> {
    const next = this.#items[this.#head];
    if (next) {
      this.#head += 1;
      this.#size -= next.size;
      this.#forget();
      return next.item;
    }
    if (this.#end) {
      if (this.#end.error !== undefined) throw this.#end.error;
      return undefined;
    }
    return new Promise((resolve, reject) => (this.#taker = { resolve, reject }));
  }

  /** Lets go of what was taken: now and then, so that a take costs the same however much waits. */
  #forget(): void {
    if (this.#head <= 1024 && this.#head < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
