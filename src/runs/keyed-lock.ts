/** One thing at a time for each key; other keys do not wait. */
export class KeyedLock {
  readonly #tasks = new Map<string, Tasks>();

  /** The number of a key's tasks that run or wait. */
  waiting(key: string): number {
    return this.#tasks.get(key)?.length ?? 0;
  }

  /** Runs `task` after every earlier task of the same key has settled. */
  async hold<T>(key: string, task: () => Promise<T>): Promise<T> {
    const tasks = this.#tasks.get(key) ?? { length: 0, last: undefined };
    const turn = tasks.last ? tasks.last.then(task, task) : task();
    tasks.last = turn;
    tasks.length += 1;
    this.#tasks.set(key, tasks);
    try {
      return await turn;
    } finally {
      tasks.length -= 1;
      if (tasks.length === 0) this.#tasks.delete(key);
    }
  }
}

/** The tasks of one key. */
interface Tasks {
  /** The number of tasks that run or wait. */
  length: number;
  last: Promise<unknown> | undefined;
}
