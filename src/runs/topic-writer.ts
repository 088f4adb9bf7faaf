/** Writes one run's entries to a topic, in order, one append at a time. */
import { type EventLog, type NewEntry, NotShared } from "../log/log.ts";
import type { Cursor, Fence } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Topic } from "../protocol/ids.ts";
import { atEndOfTurn } from "./end-of-turn.ts";

export interface TopicWriterOptions<T> {
  readonly log: EventLog;
  readonly topic: Topic;
  readonly fence: Fence;
  readonly toEntry: (item: T) => NewEntry;
  /**
   * Called with the items of each append, in order, and with the position of the last one. Without a position the log did
   * not take them, and the run is to end.
   */
  readonly appended?: (items: readonly T[], cursor: Cursor | undefined) => void;
  /** Two neighbours as one, where that loses nothing. Only asked for items that wait. */
  readonly merge?: (a: T, b: T) => T | undefined;
  /**
   * Does `b` continue `a`? Then `b` may wait for more deltas of its kind, for up to `coalesceMs`. With 0 it never
   * waits.
   */
  readonly continues?: (a: T, b: T) => boolean;
  readonly coalesceMs?: (() => number) | undefined;
  /** Is the item built from everything written before it? Then it is written by itself. */
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
  /**
   * `held`: what waits may wait for more. `appending`: the log has not answered yet. `turn`: something was appended in
   * this turn of the event loop. Only an item that comes while nothing of this holds is appended at once.
   */
  #state: "free" | "held" | "appending" | "turn" = "free";
  #timer: NodeJS.Timeout | undefined;
  #flushes: (() => void)[] = [];
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
  add(items: readonly T[]): void {
    if (this.#broken || items.length === 0) return;
    for (const item of items) {
      if (!this.#mayWait(item)) this.#until = 0;
      this.#put(item);
      this.#last = item;
    }
    if (this.#state === "free") this.#begin();
    else this.#hurry();
  }

  /** Resolves when everything added so far is in the log, or the log has failed. */
  async flushed(): Promise<void> {
    this.#until = 0;
    this.#hurry();
    if (this.#state === "turn") this.#begin();
    if (this.#waiting.length === 0 && this.#state !== "appending") return;
    await new Promise<void>((resolve) => this.#flushes.push(resolve));
  }

  #put(item: T): void {
    const last = this.#waiting.at(-1);
    const merged = last === undefined ? undefined : this.#options.merge?.(last, item);
    if (merged === undefined) this.#waiting.push(item);
    else this.#waiting[this.#waiting.length - 1] = merged;
  }

  /** Only if neighbours come quickly enough: the deltas of a slower model would wait in vain. */
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

  /** Ends a wait that is no longer allowed. */
  #hurry(): void {
    if (this.#state !== "held" || this.#until > 0) return;
    clearTimeout(this.#timer);
    this.#append();
  }

  /** Appends what waits, or has it wait for as long as it may. */
  #begin(): void {
    if (this.#waiting.length === 0) return;
    if (this.#until === 0) this.#append();
    else {
      this.#state = "held";
      this.#timer = setTimeout(() => this.#append(), this.#until - performance.now());
    }
  }

  /** An append that returns at once creates no promise, because there is an append for every token. */
  #append(): void {
    const { log, topic, fence, toEntry } = this.#options;
    const batch = this.#nextBatch();
    this.#state = "appending";
    try {
      const appended = log.append(topic, fence, batch.map(toEntry));
      if (appended instanceof Promise) {
        appended.then((cursor) => this.#took(batch, cursor)).catch((error: unknown) => this.#refused(batch, error));
      } else this.#took(batch, appended);
    } catch (error) {
      this.#refused(batch, error);
    }
  }

  #nextBatch(): T[] {
    const { apart } = this.#options;
    const cut = apart ? this.#waiting.findIndex(apart) : -1;
    const batch = cut < 0 ? this.#waiting : this.#waiting.slice(0, Math.max(cut, 1));
    this.#waiting = this.#waiting.slice(batch.length);
    return batch;
  }

  #took(batch: readonly T[], cursor: Cursor | undefined): void {
    this.#cursor = cursor ?? this.#cursor;
    this.#options.appended?.(batch, cursor);
    this.#state = "turn";
    if (this.#waiting.length > 0) this.#begin();
    else {
      this.#resolveFlushes();
      // Items that arrive in the rest of this turn came from the model together, so they are appended together. A
      // single token is never held back.
      atEndOfTurn(this.#turned);
    }
  }

  readonly #turned = (): void => {
    if (this.#state !== "turn") return;
    this.#state = "free";
    if (!this.#broken) this.#begin();
  };

  #refused(batch: readonly T[], error: unknown): void {
    try {
      // The run ends, and its followers in this process still get that end.
      if (SluiceError.from(error).code !== "storage_unavailable") throw error;
      this.#options.failed(error);
      this.#took(batch, error instanceof NotShared ? error.cursor : undefined);
    } catch (thrown) {
      this.#broken = true;
      this.#state = "free";
      this.#waiting = [];
      this.#options.failed(thrown);
      this.#resolveFlushes();
    }
  }

  #resolveFlushes(): void {
    const flushes = this.#flushes;
    if (flushes.length > 0) this.#flushes = [];
    for (const resolve of flushes) resolve();
  }
}
