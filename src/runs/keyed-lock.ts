/** One thing at a time for each key; other keys do not wait. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #waiting = new Map<string, number>();

  /** The number of a key's tasks that run or wait. */
  waiting(key: string): number {
    return this.#waiting.get(key) ?? 0;
  }

  /** Runs `task` after every earlier task of the same key has settled. */
  async hold<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const turn = before ? before.then(task, task) : task();
    this.#tails.set(key, turn);
    this.#waiting.set(key, this.waiting(key) + 1);
    try {
      return await turn;
    } finally {
      const waiting = this.waiting(key) - 1;
      if (waiting > 0) this.#waiting.set(key, waiting);
      else this.#waiting.delete(key);
      if (this.#tails.get(key) === turn) this.#tails.delete(key);
    }
  }
}
