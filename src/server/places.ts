/** The topics that one socket follows. Their number has a bound, which holds for those that are still being looked up. */
import { SluiceError } from "../protocol/errors.ts";

/** The most topics one socket may follow. */
export const MAX_SUBSCRIPTIONS = 64;

export class Places {
  readonly #taken = new Map<string, AbortController>();

  has(topic: string): boolean {
    return this.#taken.has(topic);
  }

  /**
   * Takes the place of a topic, at once, and ends what held it before. The signal aborts when the place is given up.
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
    const place = new AbortController();
    this.#taken.set(topic, place);
    place.signal.addEventListener("abort", () => {
      if (this.#taken.get(topic) === place) this.#taken.delete(topic);
    });
    return place.signal;
  }

  /** Gives up a topic's place; only the one with this signal, when one is given. */
  free(topic: string, signal?: AbortSignal): void {
    const place = this.#taken.get(topic);
    if (signal === undefined || place?.signal === signal) place?.abort();
  }

  freeAll(): void {
    for (const topic of [...this.#taken.keys()]) this.free(topic);
  }
}
