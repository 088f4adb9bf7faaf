/** The entries of one topic that this process wrote and Redis has not acknowledged yet. */
import type { Cursor, Fence } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { KeptPosition, NewEntry } from "../log.ts";
import { toFields } from "./entry.ts";

/**
 * Redis' answer to an append. `epoch_lost`: Redis lost the topic, or lacks entries that it acknowledged. `differs`:
 * Redis has other entries at these positions.
 */
export type Answer = "ok" | "owner_lost" | "epoch_lost" | "differs";

export interface OutboxOptions {
  readonly fence: Fence;
  /** The position after which the first entry comes. */
  readonly from: Cursor;
  /** Rejects when Redis cannot be reached. */
  send(after: Cursor, fields: readonly string[]): Promise<Answer>;
  /** Keeps a position that Redis has acknowledged. Rejects when Redis cannot be reached. */
  keep(position: KeptPosition): Promise<void>;
  /**
   * Puts the topic back as Redis had it, up to this position. `false` when this process no longer has all of its
   * entries.
   */
  restore(acknowledged: Cursor): Promise<boolean>;
  /**
   * Begins the topic in a new epoch, and returns the position there. The entries that are not acknowledged are appended
   * again after this position.
   */
  renew(unacknowledged: readonly NewEntry[]): Promise<Cursor>;
}

/** Above `MAX_BYTES`, further entries wait. If Redis takes nothing for `MAX_AGE_MS`, the run has to end. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_AGE_MS = 10_000;
/** The most entries of one script call. Redis serves no other client during the call. */
const BATCH = 512;
const RETRY_MS = 100;
/** The least time, in milliseconds, between two sends that have only deltas. Deltas that come quickly share a send. */
const PAUSE_MS = 4;

export class Outbox {
  readonly #options: OutboxOptions;
  #acknowledged: Cursor;
  #entries: NewEntry[] = [];
  #bytes = 0;
  /** To be kept when Redis has acknowledged the entries up to it. */
  #position: KeptPosition | undefined;
  /** The position to keep after `#position`. */
  #newer: KeptPosition | undefined;
  #sending: Promise<void> | undefined;
  #lost: SluiceError | undefined;
  #progressAt = 0;
  #closed = false;
  /** Until then, deltas wait for more deltas. */
  #pausesUntil = 0;
  #endPause = () => {};
  readonly #waiting = new Set<() => void>();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#acknowledged = options.from;
  }

  get fence(): Fence {
    return this.#options.fence;
  }

  /** The position of the last entry that Redis acknowledged. */
  get acknowledged(): Cursor {
    return this.#acknowledged;
  }

  /** The number of entries that Redis has not acknowledged. */
  get size(): number {
    return this.#entries.length;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The owner was replaced: nothing more may be written. */
  get lost(): SluiceError | undefined {
    return this.#lost;
  }

  push(entries: readonly NewEntry[]): void {
    if (this.#entries.length === 0) this.#progressAt = performance.now();
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.json.length;
    }
    if (!areDeltas(entries)) this.#endPause();
    this.#sending ??= this.#send();
  }

  /**
   * Keeps a position as soon as Redis has acknowledged the entries up to it. If several positions wait, the first and
   * the last are kept. If each replaced the earlier one, no position would be kept while Redis is late.
   */
  keep(position: KeptPosition): void {
    if (this.#position) this.#newer = position;
    else this.#position = position;
    this.#sending ??= this.#send();
  }

  /**
   * Checks that Redis still has the topic as it was, and restores it if not. An owner that appends nothing would not
   * notice the loss.
   */
  probe(): void {
    this.#sending ??= this.#send(true);
  }

  /**
   * Resolves while Redis keeps up.
   * @throws SluiceError `owner_lost`; `storage_unavailable` when entries wait and Redis took nothing for 10 s, or when
   * this outbox is closed while Redis does not keep up.
   */
  async room(): Promise<void> {
    while (!this.#lost && this.#isOver()) {
      const left = this.#progressAt + MAX_AGE_MS - performance.now();
      if (left <= 0 || this.#closed) throw new SluiceError("storage_unavailable");
      await this.#changed(left);
    }
    if (this.#lost) throw this.#lost;
  }

  /** Resolves when all entries are acknowledged, or no more can be. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  /** Gives up what is not acknowledged. */
  close(): void {
    this.#closed = true;
    this.#endPause();
  }

  #isOver(): boolean {
    if (this.#entries.length === 0) return false;
    return this.#bytes > MAX_BYTES || performance.now() - this.#progressAt > MAX_AGE_MS;
  }

  #changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), ms);
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
    });
  }

  async #send(probing = false): Promise<void> {
    let asks = probing;
    while ((asks || this.#entries.length > 0 || this.#position) && !this.#lost && !this.#closed) {
      const pauseMs = this.#pausesUntil - performance.now();
      if (pauseMs > 0 && areDeltas(this.#entries)) await this.#pause(pauseMs);
      const batch = this.#entries.slice(0, BATCH);
      const sentAt = performance.now();
      try {
        if (await this.#kept()) continue;
        const answer = await this.#options.send(this.#acknowledged, batch.flatMap(toFields));
        if (answer === "ok" || answer === "owner_lost") this.#took(answer, batch);
        else await this.#putRight(answer);
        asks = false;
        this.#pausesUntil = areDeltas(batch) ? sentAt + PAUSE_MS : 0;
      } catch (error) {
        if (SluiceError.from(error).code === "owner_lost") this.#took("owner_lost", batch);
        // Redis is away. The same batch is sent again. Entries that Redis took already are not added twice.
        else await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
      for (const done of [...this.#waiting]) done();
    }
    this.#sending = undefined;
  }

  /** Waits for more deltas, until something else comes. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Keeps or drops the waiting position, unless its entries still wait for Redis. `true` if it did so. */
  async #kept(): Promise<boolean> {
    const position = this.#position;
    if (!position) return false;
    const { epoch, offset } = position.cursor;
    // A position of another epoch is dropped, because it means nothing.
    const isOfEpoch = epoch === this.#acknowledged.epoch;
    if (isOfEpoch && offset > this.#acknowledged.offset && this.#entries.length > 0) return false;
    if (isOfEpoch) await this.#options.keep(position);
    this.#position = this.#newer;
    this.#newer = undefined;
    return true;
  }

  async #putRight(wrong: "epoch_lost" | "differs"): Promise<void> {
    if (wrong === "epoch_lost" && (await this.#options.restore(this.#acknowledged))) return;
    this.#acknowledged = await this.#options.renew(this.#entries);
  }

  #took(answer: "ok" | "owner_lost", batch: readonly NewEntry[]): void {
    if (answer === "owner_lost") {
      this.#lost = new SluiceError("owner_lost");
      this.#entries = [];
      this.#bytes = 0;
      return;
    }
    this.#progressAt = performance.now();
    this.#acknowledged = { ...this.#acknowledged, offset: this.#acknowledged.offset + batch.length };
    this.#entries = this.#entries.slice(batch.length);
    for (const { json } of batch) this.#bytes -= json.length;
  }
}

function areDeltas(entries: readonly NewEntry[]): boolean {
  return entries.every(({ edge }) => edge === "inside");
}
