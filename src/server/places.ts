/** The topics that one socket follows. Their number is limited. Topics that are still being looked up count too. */
import { SluiceError } from "../protocol/errors.ts";
import type { Topic } from "../protocol/ids.ts";

/** The most topics one socket may follow. */
export const MAX_SUBSCRIPTIONS = 64;

interface Place {
  readonly held: AbortController;
  /** The topic of the log that is read, once it is known: a thread that is made again has another one. */
  reads: Topic | undefined;
}

export class Places {
  readonly #taken = new Map<string, Place>();

  has(topic: string): boolean {
    return this.#taken.has(topic);
  }

  /**
   * Takes a place for a topic, at once, and ends an earlier subscription to it. The signal aborts when the place is
   * given up.
   * @throws SluiceError `overloaded` when all places are taken.
   */
  take(topic: string): AbortSignal {
    this.free(topic);
    if (this.#taken.size >= MAX_SUBSCRIPTIONS) {
      throw new SluiceError(
        "overloaded",
        `A socket may follow ${MAX_SUBSCRIPTIONS} topics. Unsubscribe from one first.`,
      );
    }
    const held = new AbortController();
    this.#taken.set(topic, { held, reads: undefined });
    return held.signal;
  }

  /** The place with this signal is used to read a topic of the log. */
  use(topic: string, signal: AbortSignal, reads: Topic): void {
    const place = this.#taken.get(topic);
    if (place?.held.signal === signal) place.reads = reads;
  }

  /** The topic of the log that is read at a topic's place. */
  reads(topic: string): Topic | undefined {
    return this.#taken.get(topic)?.reads;
  }

  /** Gives up a topic's place. With `signal`, only if the place has this signal. */
  free(topic: string, signal?: AbortSignal): void {
    const place = this.#taken.get(topic);
    if (!place || (signal !== undefined && place.held.signal !== signal)) return;
    this.#taken.delete(topic);
    place.held.abort();
  }

  freeAll(): void {
    for (const topic of [...this.#taken.keys()]) this.free(topic);
  }
}
