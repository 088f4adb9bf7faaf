/** What outlives a run: its thread, its row, and what clients were told. */
import type { Cursor } from "../protocol/cursor.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Tombstone } from "./tombstones.ts";

export interface ThreadRecord {
  readonly threadId: string;
  /** The agent that answered last. */
  readonly agent: string;
  /** The transcript: what clients were told, in order. */
  readonly messages: readonly Message[];
  /** What was taken back of it; absent when nothing was. */
  readonly removed?: readonly Tombstone[];
  /** Messages of nodes that run again when the thread's interrupts are answered, and where they were said. */
  readonly drafts?: Readonly<Record<string, string>>;
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

/** What a thread waits for, and how its last run ended. It is read without the transcript, which may be megabytes. */
export type ThreadStatus = Pick<ThreadRecord, "agent" | "interrupts" | "refused" | "ending">;

/** A thread in a list. */
export interface ThreadSummary {
  readonly threadId: string;
  /** The beginning of its first user message, in one line. */
  readonly title: string;
  readonly agent: string;
  /** It waits for answers to interrupts. */
  readonly waiting: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ThreadPage {
  readonly threads: readonly ThreadSummary[];
  /** Goes on behind the last of these; absent when there is nothing more. */
  readonly next?: string;
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
  /** The message before it, which may have been taken back since; absent where it began the thread. */
  readonly beginsAfter?: string;
  /** The graph's checkpoint before it: a fork that undoes this run goes on from there. */
  readonly checkpointBefore: string;
  /** What it takes to begin it again: plain JSON that the store does not look into. Kept while it is active. */
  readonly input?: unknown;
}

/** How a run ended, and what it leaves of its thread. */
export interface RunEnding {
  readonly status: RunStatus;
  readonly messages: readonly Message[];
  /** What this run took back. */
  readonly removed?: readonly Tombstone[];
  readonly drafts?: Readonly<Record<string, string>>;
  readonly state: JsonValue | undefined;
  /** The event that ends it. */
  readonly terminal: AguiEvent | undefined;
  readonly refused: Readonly<Record<string, number>>;
  readonly interrupts: readonly Interrupt[];
}

/** The most runs of a thread that are given out. */
export const MAX_RUNS = 1_000;

export interface Store {
  thread(threadId: string): Promise<ThreadRecord | undefined>;
  run(threadId: string, runId: string): Promise<RunRecord | undefined>;
  /** A thread's last runs, in the order they were started. */
  runs(threadId: string): Promise<readonly RunRecord[]>;
  /** Runs of all threads that were started and have not ended, in the order they were started. */
  activeRuns(): Promise<readonly RunRecord[]>;
  /** At most `limit` threads, the last used first; those behind a page's `next` when it is given as `before`. */
  threads(limit: number, before?: string): Promise<ThreadPage>;
  threadSummary(threadId: string): Promise<ThreadSummary | undefined>;
  threadStatus(threadId: string): Promise<ThreadStatus | undefined>;
  /**
   * Writes the row of a run that is about to start, and the thread's when it is new. `messages` become the transcript:
   * what still holds of it, and what came with the run. Open interrupts are answered. A thread has one active run:
   * where another seems to be, its end could not be written, and it has failed.
   */
  startRun(run: RunRecord, messages: readonly Message[]): Promise<void>;
  /**
   * Replaces the transcript by what an active run told so far, for the case that it never comes to its end. `removed`:
   * what this run took back.
   */
  keepMessages(
    threadId: string,
    runId: string,
    messages: readonly Message[],
    removed?: readonly Tombstone[],
  ): Promise<void>;
  /** Ends an active run and replaces the thread's transcript. `false`, and nothing written, when it had ended already. */
  endRun(threadId: string, runId: string, ending: RunEnding): Promise<boolean>;
  /** Forgets a thread and its runs. `false` when there is no such thread. */
  deleteThread(threadId: string): Promise<boolean>;
  /** Can rows be written? */
  writable(): Promise<boolean>;
  /** Lets go of what it holds. Nothing may be asked of it afterwards. */
  close(): Promise<void>;
}
