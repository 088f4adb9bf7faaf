/** What outlives a run: its thread, its row, and what clients were told. */
import type { Cursor } from "../protocol/cursor.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";

export interface ThreadRecord {
  readonly threadId: string;
  /** The agent that answered last. */
  readonly agent: string;
  /** The transcript: what clients were told, in order. */
  readonly messages: readonly Message[];
  /** The exposed keys of the graph's state as clients know them; absent when none were ever told. */
  readonly state?: JsonValue;
  /** How its last run ended, as clients were told; absent before the first end. */
  readonly ending?: { readonly runId: string; readonly terminal: AguiEvent };
  /** How many graph events its last run's allow-list refused, by name. */
  readonly refused?: Readonly<Record<string, number>>;
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
  /** How many messages the transcript had before it. */
  readonly historyLength: number;
  /** The graph's checkpoint before it: a fork that undoes this run goes on from there. */
  readonly checkpointBefore: string;
}

export interface Store {
  thread(threadId: string): Promise<ThreadRecord | undefined>;
  run(threadId: string, runId: string): Promise<RunRecord | undefined>;
  /** A thread's runs, in the order they were started. */
  runs(threadId: string): Promise<readonly RunRecord[]>;
  /** Writes the row of a run that is about to start, and the thread's when it is new. Its open interrupts are answered. */
  startRun(run: RunRecord): Promise<void>;
  /** Ends an active run and replaces the thread's transcript. `false`, and nothing written, when it had ended already. */
  endRun(
    threadId: string,
    runId: string,
    end: {
      status: RunStatus;
      messages: readonly Message[];
      state: JsonValue | undefined;
      /** The event that ends it. */
      terminal: AguiEvent | undefined;
      refused: Readonly<Record<string, number>>;
      interrupts: readonly Interrupt[];
    },
  ): Promise<boolean>;
}
