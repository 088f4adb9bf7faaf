/** What outlives a run: its thread, its row, and what clients were told. */
import type { Cursor } from "../protocol/cursor.ts";
import type { Interrupt, Message } from "../protocol/events.ts";

export interface ThreadRecord {
  readonly threadId: string;
  /** The agent that answered last. */
  readonly agent: string;
  /** The transcript: what clients were told, in order. */
  readonly messages: readonly Message[];
  /** What the thread waits for. Empty when it waits for nothing. */
  readonly interrupts: readonly Interrupt[];
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type RunStatus = "active" | "done" | "interrupted" | "cancelled" | "failed";

export interface RunRecord {
  readonly threadId: string;
  readonly runId: string;
  readonly agent: string;
  /** A digest of what started it: the same runId with another body is a conflict. */
  readonly bodyHash: string;
  readonly status: RunStatus;
  /** The position in the thread's topic before its `RUN_STARTED`. */
  readonly from: Cursor;
  readonly startedAt: number;
}

export interface Store {
  thread(threadId: string): Promise<ThreadRecord | undefined>;
  run(threadId: string, runId: string): Promise<RunRecord | undefined>;
  /** Writes the row of a run that is about to start, and the thread's when it is new. Its open interrupts are answered. */
  startRun(run: RunRecord): Promise<void>;
  /** Ends an active run and replaces the thread's transcript. `false`, and nothing written, when it had ended already. */
  endRun(
    threadId: string,
    runId: string,
    end: { status: RunStatus; messages: readonly Message[]; interrupts: readonly Interrupt[] },
  ): Promise<boolean>;
}
