/** The starts that wait for threads which other runs hold: numbered rows, in one line of all processes. */
import { SluiceError } from "../../protocol/errors.ts";
import type { Place } from "../instances.ts";
import type { PostgresDatabase } from "./database.ts";
import { ALIVE } from "./heartbeat.ts";

/** The most starts that wait for one thread, those of all processes together. */
const MAX_WAITING = 16;

/** A message may be lost, so a start that waits looks again after this time. */
export const LOOK_AGAIN_MS = 1_000;

export class WaitingStarts {
  readonly #db: PostgresDatabase;
  /** The id of this process in rows. */
  readonly #instance: string;
  /** The numbers of the starts that wait in this process, or are about to. */
  readonly #places = new Set<string>();
  /** Wake the starts that wait for a thread. */
  readonly #wakers = new Map<string, Set<() => void>>();

  constructor(database: PostgresDatabase, instance: string) {
    this.#db = database;
    this.#instance = instance;
  }

  /** @throws SluiceError `overloaded` when the line is full, `storage_unavailable`. */
  async enter(threadId: string): Promise<Place> {
    // The number comes first: even if the answer to the insertion is lost, this process knows which row is not wanted.
    const next = "SELECT nextval(pg_get_serial_sequence('waiting_starts', 'number')) AS number";
    const number = String((await this.#db.one(next))?.number);
    this.#places.add(number);
    try {
      const entered = await this.#db.run(
        `INSERT INTO waiting_starts (number, thread_id, instance) OVERRIDING SYSTEM VALUE SELECT $1, $2, $3
         WHERE (SELECT count(*) FROM waiting_starts WHERE thread_id = $2) < ${MAX_WAITING}`,
        number,
        threadId,
        this.#instance,
      );
      if (entered === 0) throw new SluiceError("overloaded");
    } catch (error) {
      this.#places.delete(number);
      throw error;
    }
    return {
      isFirst: () => this.#isFirst(threadId, Number(number)),
      changed: (signal) => this.#changed(threadId, signal),
      leave: () => {
        this.#places.delete(number);
        return this.#delete([number]);
      },
    };
  }

  async isAwaited(threadId: string): Promise<boolean> {
    return !(await this.#isFirst(threadId, Number.MAX_SAFE_INTEGER));
  }

  /**
   * Deletes this process's rows of starts that wait no more. A row that stays would block its thread for every later
   * start. Is to be called regularly. Never rejects.
   */
  async forgetLeft(): Promise<void> {
    const stored = "SELECT number FROM waiting_starts WHERE instance = $1";
    const rows = await this.#db.all(stored, this.#instance).catch(() => []);
    // Each start was among the places before its row was stored.
    const left = rows.map((row) => String(row.number)).filter((number) => !this.#places.has(number));
    if (left.length > 0) await this.#delete(left);
  }

  /** The thread may have become free. */
  wake(threadId: string): void {
    for (const done of [...(this.#wakers.get(threadId) ?? [])]) done();
  }

  wakeAll(): void {
    for (const threadId of this.#wakers.keys()) this.wake(threadId);
  }

  async #delete(numbers: readonly string[]): Promise<void> {
    // A failure costs nothing: the next `forgetLeft` deletes them.
    await this.#db.run("DELETE FROM waiting_starts WHERE number = ANY($1)", numbers).catch(() => {});
  }

  async #isFirst(threadId: string, number: number): Promise<boolean> {
    const row = await this.#db.one(
      `SELECT 1 FROM waiting_starts JOIN instances USING (instance)
       WHERE thread_id = $1 AND number < $2 AND ${ALIVE} LIMIT 1`,
      threadId,
      number,
    );
    return row === undefined;
  }

  #changed(threadId: string, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#wakers.get(threadId) ?? new Set();
      this.#wakers.set(threadId, waiting);
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        waiting.delete(done);
        if (waiting.size === 0 && this.#wakers.get(threadId) === waiting) this.#wakers.delete(threadId);
        resolve();
      };
      const timer = setTimeout(done, LOOK_AGAIN_MS);
      signal?.addEventListener("abort", done, { once: true });
      waiting.add(done);
    });
  }
}
