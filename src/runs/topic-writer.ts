/** Writes one run's entries to a topic, in order, one append at a time. */
import type { EventLog, NewEntry } from "../log/log.ts";
import type { Cursor, Fence } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Topic } from "../protocol/ids.ts";

export interface TopicWriterOptions<T> {
  readonly log: EventLog;
  readonly topic: Topic;
  readonly fence: Fence;
  readonly toEntry: (item: T) => NewEntry;
  /** Called with the items of each append, in order, when they are in the log: in one go with `cursor`. */
  readonly appended?: (items: readonly T[]) => void;
  /** Two neighbours as one, where that loses nothing. Only asked for items that wait. */
  readonly merge?: (a: T, b: T) => T | undefined;
  /** Does `b` go on with what `a` said? Then `b` may wait for more of the same, up to `coalesceMs` now. 0: it never waits. */
  readonly continues?: (a: T, b: T) => boolean;
  readonly coalesceMs?: (() => number) | undefined;
  /** Is this made of all that was written before it? Then it is written by itself. */
  readonly apart?: (item: T) => boolean;
  /** The log refused: nothing more will be written. */
  readonly failed: (error: unknown) => void;
}

export class TopicWriter<T> {
  readonly #options: TopicWriterOptions<T>;
  #waiting: T[] = [];
  #last: T | undefined;
  /** The time of the last item that might have waited. */
  #lastAt = Number.NEGATIVE_INFINITY;
  /** The time until which everything that waits may go on waiting. */
  #until = 0;
  /** Ends such a wait at once. */
  #release = () => {};
  #writing: Promise<void> | undefined;
  #broken = false;
  #cursor: Cursor | undefined;

  constructor(options: TopicWriterOptions<T>) {
    this.#options = options;
  }

  /** The position of the last entry that was written. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** Items that are added in one go reach the log in one append. */
  add(...items: T[]): void {
    if (this.#broken || items.length === 0) return;
    for (const item of items) {
      if (!this.#mayWait(item)) this.#hurry();
      this.#put(item);
      this.#last = item;
    }
    this.#writing ??= this.#write();
  }

  /** Resolves when everything added so far is in the log, or the log has failed. */
  async flushed(): Promise<void> {
    this.#hurry();
    await this.#writing;
  }

  #put(item: T): void {
    const last = this.#waiting.at(-1);
    const merged = last === undefined ? undefined : this.#options.merge?.(last, item);
    if (merged === undefined) this.#waiting.push(item);
    else this.#waiting[this.#waiting.length - 1] = merged;
  }

  /** Only where neighbours come that quickly: a slower model's deltas would wait in vain. */
  #mayWait(item: T): boolean {
    const { continues, coalesceMs } = this.#options;
    if (!continues || this.#last === undefined || !continues(this.#last, item)) return false;
    const most = coalesceMs?.() ?? 0;
    if (most === 0) return false;
    const now = performance.now();
    const quick = now - this.#lastAt <= most;
    this.#lastAt = now;
    if (quick && this.#waiting.length === 0) this.#until = now + most;
    return quick;
  }

  #hurry(): void {
    this.#until = 0;
    this.#release();
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#release = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #nextBatch(): T[] {
    const { apart } = this.#options;
    const cut = apart ? this.#waiting.findIndex(apart) : -1;
    const batch = cut < 0 ? this.#waiting : this.#waiting.slice(0, Math.max(cut, 1));
    this.#waiting = this.#waiting.slice(batch.length);
    return batch;
  }

  async #write(): Promise<void> {
    const { log, topic, fence, toEntry, appended, failed } = this.#options;
    try {
      while (this.#waiting.length > 0) {
        if (this.#until > 0) await this.#wait(this.#until - performance.now());
        const batch = this.#nextBatch();
        try {
          this.#cursor = await log.append(topic, fence, batch.map(toEntry));
        } catch (error) {
          // The log of this process has the entries, and followers beside the run still get its end.
          if (SluiceError.from(error).code !== "storage_unavailable") throw error;
          failed(error);
        }
        appended?.(batch);
        // The rest of this turn of the event loop. What arrives within it came in one piece from the model, and can
        // leave in one: a token alone is never held back.
        if (this.#waiting.length === 0) await endOfTurn();
      }
    } catch (error) {
      this.#broken = true;
      this.#waiting = [];
      failed(error);
    } finally {
      this.#writing = undefined;
    }
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
