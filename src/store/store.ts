/** Everything that outlives a run: its thread, its row, and the messages that clients were sent. */
import type { Cursor, Fence } from "../protocol/cursor.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { InjectedMessages } from "./injected.ts";
import type { ThreadNames } from "./names.ts";
import type { Shares } from "./shares.ts";
import type { Tickets } from "./tickets.ts";
import type { Tombstone } from "./tombstones.ts";

export interface ThreadRecord {
  readonly threadId: string;
  /** The agent that answered last. */
  readonly agent: string;
  /** The transcript: the messages that clients were sent, in order. */
  readonly messages: readonly Message[];
  /** The messages that were taken back of it; absent when there are none. */
  readonly removed?: readonly Tombstone[];
  /** The ids that models gave to its calls; absent where every call has the id that its model gave it. */
  readonly callIds?: CallIds;
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
  /** Its name; absent where nobody gave it one. */
  readonly name?: string;
  /** Somebody has put it away; absent where nobody has. */
  readonly archived?: true;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a thread waits for, and how its last run ended. It is read without the transcript, which may be megabytes. */
export type ThreadStatus = Pick<ThreadRecord, "agent" | "interrupts" | "refused" | "ending">;

/** A thread in a list. */
export interface ThreadSummary {
  readonly threadId: string;
  /** Its name; without one the beginning of its first user message, in one line. */
  readonly title: string;
  readonly agent: string;
  /** It waits for answers to interrupts. */
  readonly waiting: boolean;
  /** Somebody has put it away. */
  readonly archived: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The marks that people put on a thread. What is absent stays as it is. */
export interface ThreadMarks {
  readonly name?: string | undefined;
  readonly archived?: boolean | undefined;
}

export interface ThreadPage {
  readonly threads: readonly ThreadSummary[];
  /** Continues after the last of these; absent when there is nothing more. */
  readonly next?: string;
}

/** The end of a run. */
export type EndStatus = "done" | "interrupted" | "cancelled" | "failed";

/**
 * A run is `admitted` when it holds its thread, `active` when what it begins with is stored, and `ending` when its end
 * is. It lets its thread go when its end is in the log too.
 */
export type RunStatus = "admitted" | "active" | "ending" | EndStatus;

/** The facts of a run when it is admitted. */
export interface NewRun {
  readonly threadId: string;
  readonly runId: string;
  readonly agent: string;
  /** A digest of what started it: the same runId with another body is a conflict. */
  readonly bodyHash: string;
  readonly startedAt: number;
}

/** A process's hold on a run. A write under a fence that is not the run's latest changes nothing. */
export interface Claim {
  readonly threadId: string;
  readonly runId: string;
  readonly fence: Fence;
}

/** The beginning of a run. */
export interface RunBeginning {
  /** The position in the thread's topic before its `RUN_STARTED`. */
  readonly from: Cursor;
  /** The same in the graph topic. Kept where several processes share the store. */
  readonly graphFrom?: Cursor;
  /** The message before it, which may have been taken back since; absent where it began the thread. */
  readonly beginsAfter?: string | undefined;
  /** The graph's checkpoint before it: a fork that undoes this run goes on from there. */
  readonly checkpointBefore: string;
  /**
   * Everything it takes to begin it again: plain JSON that the store does not look into. Kept until its end is stored.
   */
  readonly input?: unknown;
}

export interface RunRecord extends NewRun, Claim, Partial<RunBeginning> {
  readonly status: RunStatus;
  /** The process that drives it, or did last, where several share the store. */
  readonly owner?: string;
  /** While it is `ending`: what it comes to. */
  readonly outcome?: EndStatus;
  /** While it is `ending`: closers and the terminal event, which the log may not have yet. */
  readonly closing?: readonly AguiEvent[];
}

/** A run that came further than being admitted. */
export type BegunRun = RunRecord & RunBeginning;

export function isBegun(run: RunRecord): run is BegunRun {
  return run.from !== undefined;
}

/** No other run may be admitted on its thread. */
export function isHolding({ status }: RunRecord): boolean {
  return HOLDING.has(status);
}

const HOLDING: ReadonlySet<RunStatus> = new Set(["admitted", "active", "ending"]);

/** The end of a run, and the thread it leaves. */
export interface RunEnding {
  readonly status: EndStatus;
  /** Closers, and the terminal event as the last. Empty when nothing of the run reached the log. */
  readonly closing: readonly AguiEvent[];
  readonly messages: readonly Message[];
  /** The messages that this run took back. */
  readonly removed?: readonly Tombstone[];
  /** The ids that models gave to calls, to be added to those that the thread has. */
  readonly callIds?: CallIds;
  readonly drafts?: Readonly<Record<string, string>>;
  readonly state: JsonValue | undefined;
  readonly refused: Readonly<Record<string, number>>;
  readonly interrupts: readonly Interrupt[];
}

/** The run's fence, or the run that is in the way: the same one, or the one that holds the thread. */
export type Admitted = { readonly fence: Fence } | { readonly inTheWay: RunRecord };

/** The most runs of a thread that are given out. */
export const MAX_RUNS = 1_000;

export interface Store extends ThreadNames {
  readonly tickets: Tickets;
  /** Messages for active runs. The end of a run forgets its messages. */
  readonly injected: InjectedMessages;
  readonly shares: Shares;
  thread(threadId: string): Promise<ThreadRecord | undefined>;
  run(threadId: string, runId: string): Promise<RunRecord | undefined>;
  /** A thread's last runs that were begun, in the order they were admitted. */
  runs(threadId: string): Promise<readonly BegunRun[]>;
  /** Runs that hold their threads: admitted, active or ending; in the order of their fences. */
  holding(): Promise<readonly RunRecord[]>;
  /**
   * At most `limit` threads, the last used first; those after a page's `next` when it is given as `before`; of one
   * owner, of `NOBODY`, or of `EVERYBODY`, which is the default.
   */
  threads(limit: number, before?: string, owner?: string): Promise<ThreadPage>;
  threadSummary(threadId: string): Promise<ThreadSummary | undefined>;
  threadStatus(threadId: string): Promise<ThreadStatus | undefined>;
  /** Names a thread, or puts it away. It counts as no use of it. `false` when there is no such thread. */
  markThread(threadId: string, marks: ThreadMarks): Promise<boolean>;
  /** Writes the row of a run that is to hold its thread, unless another is in the way. */
  admit(run: NewRun): Promise<Admitted>;
  /** Takes back an admission that came to nothing. */
  withdraw(claim: Claim): Promise<void>;
  /**
   * Writes what an admitted run begins with, and the thread's row when it is new; or what an active one that was taken
   * over begins with again. `messages` become the transcript: what still holds of it, and what came with the run. Open
   * interrupts are answered. `false`, and nothing written, when the claim is no longer good.
   */
  begin(claim: Claim, beginning: RunBeginning, messages: readonly Message[]): Promise<boolean>;
  /** Claims a run that holds its thread, in the place of this owner. Nothing when somebody else did, or it is over. */
  takeOver(run: Claim): Promise<Claim | undefined>;
  /**
   * Replaces the transcript by the messages that an active run has sent so far, for the case that it never comes to its
   * end. `removed`: messages that this run took back; `callIds`: ids to be added to those that the thread has.
   */
  keepMessages(
    claim: Claim,
    messages: readonly Message[],
    removed?: readonly Tombstone[],
    callIds?: CallIds,
  ): Promise<void>;
  /**
   * Stores an active run's end, and replaces the thread's transcript. The run still holds its thread. `false`, and
   * nothing written, when the claim is no longer good, or an end is stored already.
   */
  ending(claim: Claim, ending: RunEnding): Promise<boolean>;
  /** The end of an ending run is in the log: it lets its thread go. */
  ended(claim: Claim): Promise<void>;
  /** Forgets a thread and its runs. `false` when there is no such thread. */
  deleteThread(threadId: string): Promise<boolean>;
  /** Can rows be written? */
  writable(): Promise<boolean>;
  /** Lets go of what it holds. Nothing may be asked of it afterwards. */
  close(): Promise<void>;
}
