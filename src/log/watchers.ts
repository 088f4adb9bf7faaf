/** The watchers of topics. */
import type { Topic } from "../protocol/ids.ts";
import type { Page } from "./log.ts";

/**
 * Called within each append to its topic, with the appended page. Called without a page when the follower has to read
 * the log. It must not throw.
 */
export type Watcher = (appended?: Page) => void;

export class Watchers {
  readonly #topics = new Map<Topic, Set<Watcher>>();

  /** Calls `watcher` until the result is called. */
  add(topic: Topic, watcher: Watcher): () => void {
    const watchers = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, watchers);
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#topics.get(topic) === watchers) this.#topics.delete(topic);
    };
  }

  wake(topic: Topic, appended?: Page): void {
    const watchers = this.#topics.get(topic);
    if (watchers) for (const watcher of watchers) watcher(appended);
  }

  has(topic: Topic): boolean {
    return this.#topics.has(topic);
  }

  /** The topics that have a watcher. */
  topics(): Topic[] {
    return [...this.#topics.keys()];
  }

  get size(): number {
    return this.#topics.size;
  }
}
