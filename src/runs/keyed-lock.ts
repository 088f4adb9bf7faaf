/** One thing at a time for each key; other keys do not wait. */
export class KeyedLock {
  readonly #lines = new Map<string, Line>();

  /** The number of a key's tasks that run or wait. */
  waiting(key: string): number {
    return this.#lines.get(key)?.length ?? 0;
  }

  /** Runs `task` after every earlier task of the same key has settled. */
  async hold<T>(key: string, task: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(key) ?? { length: 0, last: undefined };
    const turn = line.last ? line.last.then(task, task) : task();
    line.last = turn;
    line.length += 1;
    this.#lines.set(key, line);
    try {
      return await turn;
    } finally {
      line.length -= 1;
      if (line.length === 0) this.#lines.delete(key);
    }
  }
}

/** The tasks of one key. */
interface Line {
  /** The number of tasks that run or wait. */
  length: number;
  last: Promise<unknown> | undefined;
}
