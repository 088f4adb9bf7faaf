/** The store keeps all that outlives a run: its thread, its row, and the messages that clients were sent. */
import type { Cursor, Fence } from "../protocol/cursor.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Deletions } from "./deletions.ts";
import type { InjectedMessages } from "./injected.ts";
import type { ThreadNames } from "./names.ts";
import type { Shares } from "./shares.ts";
import type { Tickets } from "./tickets.ts";
import type { Tombstone } from "./tombstones.ts";

/** A thread as it is kept. */
export interface ThreadRecord {
  readonly threadId: string;
  /** The agent that answered last. */
  readonly agent: string;
  /** The transcript: the messages that clients were sent, in order. */
  readonly messages: readonly Message[];
  /** The messages that were removed from the transcript; absent when there are none. */
  readonly removed?: readonly Tombstone[];
  /**
   * The ids that models gave to the thread's calls. Absent when clients know every call by the id that its model gave.
   */
  readonly callIds?: CallIds;
  /**
   * Messages of nodes that run again when the thread goes on, and the places where they were sent.
   */
  readonly drafts?: Readonly<Record<string, string>>;
  /** The exposed keys of the graph's state as clients know them; absent when none was ever sent. */
  readonly state?: JsonValue;
  /** The end of its last run as it was sent to clients; absent before the first end. */
  readonly ending?: { readonly runId: string; readonly terminal: AguiEvent };
  /** The number of graph events that its last run's allow-list refused, by name. */
  readonly refused?: Readonly<Record<string, number>>;
  /** The interrupts that wait for an answer. Empty when the thread waits for nothing. */
  readonly interrupts: readonly Interrupt[];
  /** The thread's name; absent when it has none. */
  readonly name?: string;
  /** It was archived; absent otherwise. */
  readonly archived?: true;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/**
 * A thread's open interrupts and the end of its last run. They are read without the transcript, which may be megabytes.
 */
export type ThreadStatus = Pick<ThreadRecord, "agent" | "interrupts" | "refused" | "ending">;

/** A thread in a list. */
export interface ThreadSummary {
  readonly threadId: string;
  /** Its name; without one the beginning of its first user message, in one line. */
  readonly title: string;
  readonly agent: string;
  /** It waits for answers to interrupts. */
  readonly waiting: boolean;
  /** It was archived. */
  readonly archived: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The marks that people put on a thread. An absent mark stays as it is. */
export interface ThreadMarks {
  readonly name?: string | undefined;
  readonly archived?: boolean | undefined;
}

/** A part of a list of threads. */
export interface ThreadPage {
  readonly threads: readonly ThreadSummary[];
  /** Continues after the last of these; absent when there is nothing more. */
  readonly next?: string;
}

/** The end of a run. */
export type EndStatus = "done" | "interrupted" | "cancelled" | "failed";

/**
 * A run is `admitted` when it holds its thread, `active` when its beginning is stored, and `ending` when its end is
 * stored. It releases its thread when its end is in the log too.
 * A row that is `deleting` is no run: its thread is being deleted.
 */
export type RunStatus = "admitted" | "active" | "ending" | "deleting" | EndStatus;

/** The facts of a run when it is admitted. */
export interface NewRun {
  readonly threadId: string;
  readonly runId: string;
  readonly agent: string;
  /** A digest of the request that started the run. The same runId with another body is a conflict. */
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
  /** The same in the graph topic. It is kept when several processes share the store. */
  readonly graphFrom?: Cursor;
  /**
   * The id of the thread's last message before the run; absent for the run that began the thread. The message may have
   * been taken back since.
   */
  readonly beginsAfter?: string | undefined;
  /** The graph's checkpoint before it: a fork that undoes this run goes on from there. */
  readonly checkpointBefore: string;
  /** The thread is to be deleted when the run is over. */
  readonly temporary?: boolean | undefined;
  /**
   * Everything that is needed to begin the run again: plain JSON, which the store does not read. It is kept until the
   * run's end is stored.
   */
  readonly input?: unknown;
}

/** A run as it is kept. */
export interface RunRecord extends NewRun, Claim, Partial<RunBeginning> {
  readonly status: RunStatus;
  /** The process that drives the run, or that drove it last. It is set when several processes share the store. */
  readonly owner?: string;
  /** While it is `ending`: its final status. */
  readonly outcome?: EndStatus;
  /** While it is `ending`: closers and the terminal event, which the log may not have yet. */
  readonly closing?: readonly AguiEvent[];
  /** While it is `active`: what was kept with its messages. */
  readonly soFar?: unknown;
}

/** A run whose beginning is stored. */
export type BegunRun = RunRecord & RunBeginning & { readonly status: Exclude<RunStatus, "deleting"> };

export function isBegun(run: RunRecord): run is BegunRun {
  return run.from !== undefined;
}

/** Reports whether the run holds its thread. While it does, no other run may be admitted on the thread. */
export function isHolding({ status }: RunRecord): boolean {
  return HOLDING.has(status);
}

const HOLDING: ReadonlySet<RunStatus> = new Set(["admitted", "active", "ending", "deleting"]);

/** The end of a run, and its thread as it is afterwards. */
export interface RunEnding {
  readonly status: EndStatus;
  /** Closers, and then the terminal event. Empty when no event of the run is in the log. */
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

/** The facts that are kept together with the messages of an active run. */
export interface KeptBeside {
  /** The messages that this run took back. */
  readonly removed?: readonly Tombstone[];
  /** The ids that models gave to calls, to be added to those that the thread has. */
  readonly callIds?: CallIds;
  /** The facts of the run that another process needs: plain JSON, which the store does not read. */
  readonly soFar?: unknown;
}

/** The run's fence, or the run in the way: a run with the same id, or the run that holds the thread. */
export type Admitted = { readonly fence: Fence } | { readonly inTheWay: RunRecord };

/** The most runs of a thread that are returned. */
export const MAX_RUNS = 1_000;

/** Keeps threads, runs and transcripts. `test/store/` has the contract that each engine passes. */
export interface Store extends ThreadNames {
  /** Names the engine for operators, such as `postgres`. */
  readonly engine: string;
  /** The store is a server that may go away and come back. The ends of runs wait for it. */
  readonly comesBack?: boolean;
  readonly tickets: Tickets;
  /** Messages for active runs. The end of a run forgets its messages. */
  readonly injected: InjectedMessages;
  readonly shares: Shares;
  readonly deletions: Deletions;
  /** The thread; `undefined` when there is none. */
  thread(threadId: string): Promise<ThreadRecord | undefined>;
  /** The run; `undefined` when there is none. */
  run(threadId: string, runId: string): Promise<RunRecord | undefined>;
  /** A thread's last runs with a stored beginning, in the order they were admitted. */
  runs(threadId: string): Promise<readonly BegunRun[]>;
  /**
   * Runs and deletions that hold their threads, and runs that are over and whose threads are still to be deleted, in the
   * order of their fences.
   */
  unfinished(): Promise<readonly RunRecord[]>;
  /**
   * Returns at most `limit` threads, the last used first. With the `next` of a page as `before`, it returns the threads
   * after that page. `owner` is one owner, `NOBODY` or `EVERYBODY`; default: `EVERYBODY`.
   */
  threads(limit: number, before?: string, owner?: string): Promise<ThreadPage>;
  /** The thread as a list shows it; `undefined` when there is none. */
  threadSummary(threadId: string): Promise<ThreadSummary | undefined>;
  /** The thread without its transcript; `undefined` when there is none. */
  threadStatus(threadId: string): Promise<ThreadStatus | undefined>;
  /** Names or archives a thread. This does not count as use. `false` when there is no such thread. */
  markThread(threadId: string, marks: ThreadMarks): Promise<boolean>;
  /** Writes the row of a run, which then holds its thread, unless another run is in the way. */
  admit(run: NewRun): Promise<Admitted>;
  /** Takes back an admission that came to nothing, or ends a deletion. */
  withdraw(claim: Claim): Promise<void>;
  /**
   * Writes the beginning of an admitted run, and the thread's row when the thread is new. For an active run that was
   * taken over, it writes the new beginning. `messages` become the transcript: the messages that are still valid, and
   * those that came with the run. After this call the thread's open interrupts count as answered. `false`, and nothing
   * written, when the claim is outdated.
   */
  begin(claim: Claim, beginning: RunBeginning, messages: readonly Message[]): Promise<boolean>;
  /**
   * Claims a run or deletion that holds its thread, in its owner's place. `undefined` when another process has claimed
   * it already, or when it is over.
   */
  takeOver(run: Claim): Promise<Claim | undefined>;
  /**
   * Replaces the thread's transcript by `messages`, in case the active run never reaches its end. `messages` has the
   * earlier messages of the thread, and those that the run has sent so far.
   */
  keepMessages(claim: Claim, messages: readonly Message[], beside?: KeptBeside): Promise<void>;
  /**
   * Stores an active run's end, and replaces the thread's transcript. The run still holds its thread. `false`, and
   * nothing written, when the claim is outdated, or an end is stored already.
   */
  ending(claim: Claim, ending: RunEnding): Promise<boolean>;
  /** Releases the thread of an ending run, whose end is in the log by now. */
  ended(claim: Claim): Promise<void>;
  /** Reports whether rows can be written. */
  writable(): Promise<boolean>;
  /** Releases files and connections. The store cannot be used afterwards. */
  close(): Promise<void>;
}
