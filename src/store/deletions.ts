/**
 * The deletion of threads. A deletion is a row among the runs, and holds its thread as a run does: from its admission until
 * nothing of the thread is left. A deletion that has begun is finished, if need be by another process.
 */
import type { Claim } from "./store.ts";
import type { SqlValue, Tables } from "./tables.ts";

export interface Deletions {
  /**
   * Returns at most `limit` threads that were last used before this time, are held by no run, wait for no answer, and
   * are not shared. The longest unused come first.
   */
  idle(unusedSince: number, limit: number): Promise<readonly string[]>;
  /**
   * Turns an admission into a deletion. Returns `false`, and writes nothing, when the claim is outdated or there is no
   * such thread. With `unusedSince` also when the thread was used since then, waits for an answer, or is shared.
   */
  begin(claim: Claim, unusedSince?: number): Promise<boolean>;
  /** Deletes a thread, its runs, and its checkpoints in the same database. The row of the deletion stays. */
  erase(threadId: string): Promise<void>;
}

export class TableDeletions implements Deletions {
  readonly #tables: Tables;
  readonly #now: () => number;

  constructor(tables: Tables, now: () => number) {
    this.#tables = tables;
    this.#now = now;
  }

  async idle(unusedSince: number, limit: number): Promise<readonly string[]> {
    const rows = await this.#tables.all(
      `SELECT thread_id FROM threads WHERE ${IDLE} AND NOT EXISTS (
         SELECT 1 FROM runs WHERE runs.thread_id = threads.thread_id AND ${HOLDING})
       ORDER BY updated_at, thread_id LIMIT ?`,
      ...this.#idle(unusedSince),
      limit,
    );
    return rows.map((row) => String(row.thread_id));
  }

  async begin({ threadId, runId, fence }: Claim, unusedSince?: number): Promise<boolean> {
    const [condition, values] = unusedSince === undefined ? ["true", []] : [IDLE, this.#idle(unusedSince)];
    const begun = await this.#tables.all(
      `UPDATE runs SET status = 'deleting' WHERE thread_id = ? AND run_id = ? AND fence = ? AND status = 'admitted'
         AND EXISTS (SELECT 1 FROM threads WHERE threads.thread_id = runs.thread_id AND ${condition}) RETURNING run_id`,
      threadId,
      runId,
      fence,
      ...values,
    );
    return begun.length > 0;
  }

  async erase(threadId: string): Promise<void> {
    await this.#tables.erase(
      // This includes checkpoints of agents that are no longer served.
      ["DELETE FROM checkpoints WHERE thread_id = ?", threadId],
      ["DELETE FROM checkpoint_writes WHERE thread_id = ?", threadId],
      ["DELETE FROM runs WHERE thread_id = ? AND status <> 'deleting'", threadId],
      ["DELETE FROM thread_names WHERE key = ?", threadId],
      ["DELETE FROM threads WHERE thread_id = ?", threadId],
    );
  }

  #idle(unusedSince: number): readonly SqlValue[] {
    return [unusedSince, this.#now()];
  }
}

/** A run or a deletion holds its thread: no other is admitted. */
export const HOLDING = "status IN ('admitted', 'active', 'ending', 'deleting')";

/** A run that holds its thread, or that is over and whose thread is to be deleted and held by nothing yet. */
export const UNFINISHED = `(${HOLDING} OR (temporary = 1 AND NOT EXISTS (
  SELECT 1 FROM runs holder WHERE holder.thread_id = runs.thread_id AND holder.${HOLDING})))`;

const IDLE = `updated_at < ? AND interrupts = '[]' AND NOT EXISTS (
  SELECT 1 FROM shares WHERE shares.thread_id = threads.thread_id AND (expires_at IS NULL OR expires_at > ?))`;
