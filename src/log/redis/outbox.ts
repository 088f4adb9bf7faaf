/** The entries of one topic that this process wrote and Redis has not acknowledged yet. */
import type { Cursor, Fence } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { NewEntry } from "../log.ts";
import { toFields } from "./entry.ts";

/** Redis' answer to an append. `epoch_lost`: the topic is gone there, or lacks entries that it acknowledged. */
export type Answer = "ok" | "owner_lost" | "epoch_lost";

export interface OutboxOptions {
  readonly fence: Fence;
  /** The position after which the first entry comes. */
  readonly from: Cursor;
  /** Rejects when Redis cannot be reached. */
  send(after: Cursor, fields: readonly string[]): Promise<Answer>;
  /** Begins the topic in a new epoch. The entries that are not acknowledged come again, from its position on. */
  renew(unacknowledged: readonly NewEntry[]): Promise<Cursor>;
}

/** Beyond one of these the run should not go on. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_AGE_MS = 10_000;
/** The most entries a script call takes. Redis serves nobody else meanwhile. */
const BATCH = 512;
const RETRY_MS = 100;

export class Outbox {
  readonly #options: OutboxOptions;
  #acknowledged: Cursor;
  #entries: NewEntry[] = [];
  #bytes = 0;
  #sending: Promise<void> | undefined;
  #lost: SluiceError | undefined;
  #progressAt = 0;
  #closed = false;
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
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /**
   * Resolves while Redis keeps up.
   * @throws SluiceError `owner_lost`; `storage_unavailable` when Redis took nothing for 10 s, or 4 MiB wait for longer.
   */
  async room(): Promise<void> {
    while (!this.#lost && this.#isOver()) {
      const left = this.#progressAt + MAX_AGE_MS - performance.now();
      if (left <= 0 || this.#closed) throw new SluiceError("storage_unavailable");
      await this.#changed(left);
    }
    if (this.#lost) throw this.#lost;
  }

  /** Resolves when all was acknowledged, or nothing will be any more. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  /** Gives up what is not acknowledged. */
  close(): void {
    this.#closed = true;
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

  async #send(): Promise<void> {
    while (this.#entries.length > 0 && !this.#lost && !this.#closed) {
      const batch = this.#entries.slice(0, BATCH);
      try {
        this.#took(await this.#options.send(this.#acknowledged, batch.flatMap(toFields)), batch);
        if (this.#acknowledged.epoch === "") this.#acknowledged = await this.#options.renew(this.#entries);
      } catch (error) {
        if (SluiceError.from(error).code === "owner_lost") this.#took("owner_lost", batch);
        // Redis is away. The same batch is sent again: what it took of it already counts once.
        else await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
      for (const done of [...this.#waiting]) done();
    }
  }

  #took(answer: Answer, batch: readonly NewEntry[]): void {
    if (answer === "owner_lost") {
      this.#lost = new SluiceError("owner_lost");
      this.#entries = [];
      this.#bytes = 0;
      return;
    }
    this.#progressAt = performance.now();
    if (answer === "epoch_lost") {
      this.#acknowledged = { epoch: "", offset: 0 };
      return;
    }
    this.#acknowledged = { ...this.#acknowledged, offset: this.#acknowledged.offset + batch.length };
    this.#entries = this.#entries.slice(batch.length);
    for (const { json } of batch) this.#bytes -= json.length;
  }
}
