/** Followers that wait for a topic to grow. */
import type { Topic } from "../protocol/ids.ts";

export class Waiting {
  readonly #topics = new Map<Topic, Set<() => void>>();
  readonly #signals = new WeakMap<AbortSignal, Set<() => void>>();

  /** Resolves at the topic's next `wake`, or when `signal` aborts. */
  arm(topic: Topic, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const own = this.#armedUnder(signal);
    return new Promise((resolve) => {
      const waiting = this.#topics.get(topic) ?? new Set();
      this.#topics.set(topic, waiting);
      const done = () => {
        waiting.delete(done);
        own.delete(done);
        if (waiting.size === 0 && this.#topics.get(topic) === waiting) this.#topics.delete(topic);
        resolve();
      };
      waiting.add(done);
      own.add(done);
    });
  }

  wake(topic: Topic): void {
    for (const done of [...(this.#topics.get(topic) ?? [])]) done();
  }

  has(topic: Topic): boolean {
    return this.#topics.has(topic);
  }

  /** The topics that somebody waits for. */
  topics(): Topic[] {
    return [...this.#topics.keys()];
  }

  get size(): number {
    return this.#topics.size;
  }

  /** One listener a signal: a follower waits once for every few tokens. */
  #armedUnder(signal: AbortSignal): Set<() => void> {
    const known = this.#signals.get(signal);
    if (known) return known;
    const own = new Set<() => void>();
    this.#signals.set(signal, own);
    const wakeAll = () => {
      for (const done of [...own]) done();
    };
    signal.addEventListener("abort", wakeAll, { once: true });
    return own;
  }
}
