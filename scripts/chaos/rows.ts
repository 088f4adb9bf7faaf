/** Reads a run's end from its row and from the log, without the processes. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { RedisLog } from "../../src/log/redis/redis-log.ts";
import { type AguiEvent, isTerminal } from "../../src/protocol/events.ts";
import { threadTopic } from "../../src/protocol/ids.ts";

export interface RunRow {
  readonly run_id: string;
  readonly status: string;
  /** The error that it ended with. */
  readonly code: string | undefined;
}

const OVER = new Set(["done", "interrupted", "cancelled", "failed"]);

/** Returns the run after its end, or `undefined` if it does not end in time. */
export async function endOfRun(
  database: pg.Pool,
  threadId: string,
  runId: string,
  withinMs: number,
): Promise<RunRow | undefined> {
  const until = Date.now() + withinMs;
  while (Date.now() < until) {
    const found = await database
      .query<{ status: string; terminal: string | null }>(
        "SELECT status, terminal FROM sluice.runs WHERE thread_id = $1 AND run_id = $2",
        [threadId, runId],
      )
      .catch(() => undefined); // The database cannot be reached.
    const [row] = found?.rows ?? [];
    if (row && OVER.has(row.status)) {
      if (row.terminal === null) throw new Error(`the row of run ${runId} is ${row.status} without a terminal event`);
      const { code } = JSON.parse(row.terminal) as { code?: string };
      return { run_id: runId, status: row.status, code };
    }
    await sleep(500);
  }
  return undefined;
}

/**
 * Checks a thread's runs in the log: each must have exactly one terminal event, as its last event. Returns the faults.
 */
export async function endsInLog(log: RedisLog, threadId: string, runIds: readonly string[]): Promise<string[]> {
  const { entries } = await log.read(threadTopic(threadId), null, 100_000);
  return runIds.flatMap((runId) => {
    const types = entries
      .filter((entry) => entry.runId === runId)
      .map(({ json }) => (JSON.parse(json) as AguiEvent).type);
    const ends = types.filter(isTerminal).length;
    const last = types.at(-1);
    if (types.length === 0 || (ends === 1 && last !== undefined && isTerminal(last))) return [];
    return [`the log has ${ends} terminal events of run ${runId}, and ${last} is the last of its ${types.length}`];
  });
}
