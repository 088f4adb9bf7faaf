/** Turns rows of the tables into records. */
import type { AguiEvent, Interrupt } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type {
  EndStatus,
  RunBeginning,
  RunRecord,
  RunStatus,
  ThreadRecord,
  ThreadStatus,
  ThreadSummary,
} from "./store.ts";
import type { Row } from "./tables.ts";
import type { Tombstone } from "./tombstones.ts";

export function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

export function toStatus(row: Row): ThreadStatus {
  return {
    agent: String(row.agent),
    interrupts: JSON.parse(String(row.interrupts)) as Interrupt[],
    ...(row.refused === null ? {} : { refused: JSON.parse(String(row.refused)) as Record<string, number> }),
    ...(row.terminal === null
      ? {}
      : { ending: { runId: String(row.ended_run), terminal: JSON.parse(String(row.terminal)) as AguiEvent } }),
  };
}

export function toRun(row: Row): RunRecord {
  return {
    threadId: String(row.thread_id),
    runId: String(row.run_id),
    agent: String(row.agent),
    bodyHash: String(row.body_hash),
    status: row.status as RunStatus,
    fence: Number(row.fence),
    startedAt: Number(row.started_at),
    ...(row.from_epoch === null ? {} : toBeginning(row)),
    // Only the tables that several processes share have owners.
    ...(typeof row.owner === "string" ? { owner: row.owner } : {}),
    ...(row.temporary === 1 ? { temporary: true } : {}),
    ...(row.outcome === null ? {} : { outcome: row.outcome as EndStatus }),
    ...(row.so_far === null ? {} : { soFar: JSON.parse(String(row.so_far)) as unknown }),
    ...(row.closing === null ? {} : { closing: JSON.parse(String(row.closing)) as AguiEvent[] }),
  };
}

function toBeginning(row: Row): RunBeginning {
  return {
    from: { epoch: String(row.from_epoch), offset: Number(row.from_offset) },
    ...(typeof row.graph_epoch === "string"
      ? { graphFrom: { epoch: row.graph_epoch, offset: Number(row.graph_offset) } }
      : {}),
    ...(row.begins_after === null ? {} : { beginsAfter: String(row.begins_after) }),
    checkpointBefore: String(row.checkpoint_before),
    ...(row.input === null ? {} : { input: JSON.parse(String(row.input)) as unknown }),
  };
}

/** The columns of a list of threads. The state of a thread may be large, and no list shows it. */
export const SUMMARY = "thread_id, coalesce(name, title) AS title, agent, interrupts, archived, created_at, updated_at";

export function optionalFields(row: Row): Pick<ThreadRecord, "removed" | "drafts" | "callIds" | "name" | "archived"> {
  return {
    ...(row.name === null ? {} : { name: String(row.name) }),
    ...(Number(row.archived) === 1 ? { archived: true as const } : {}),
    ...(row.removed === "[]" ? {} : { removed: JSON.parse(String(row.removed)) as Tombstone[] }),
    ...(row.call_ids === "{}" ? {} : { callIds: JSON.parse(String(row.call_ids)) as CallIds }),
    ...(row.drafts === "{}" ? {} : { drafts: JSON.parse(String(row.drafts)) as Record<string, string> }),
  };
}

export function toSummary(row: Row): ThreadSummary {
  return {
    threadId: String(row.thread_id),
    title: String(row.title),
    agent: String(row.agent),
    waiting: row.interrupts !== "[]",
    archived: Number(row.archived) === 1,
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
