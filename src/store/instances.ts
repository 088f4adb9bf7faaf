/** The processes that share a store and a log. It knows which process drives a run, and carries their requests. */
import type { Claim, RunRecord } from "./store.ts";

/**
 * A wish about the run that holds a thread. `yield`: end the run if nobody follows it and it was not meant to go on
 * alone. `inject`: look for messages that were kept for it.
 */
export type Wish = "cancel" | "graph" | "yield" | "inject";

/** The followers of a thread that other processes serve. */
export interface Following {
  /** At least one of them follows the graph topic. */
  readonly graph: boolean;
}

/** The reports that a process gets about the others. */
export interface Hears {
  /** A wish about a thread's run came in. This process drives the run, or did. */
  asked(threadId: string, wish: Wish): void;
  /** There may be runs that no process drives. */
  orphaned(): void;
  /** This process could not report for so long that others may soon take over its runs. */
  lost(): void;
  /** Rows of dead processes could not be deleted. It is tried again, and reported again only after it has worked. */
  failed(error: unknown): void;
}

/** A start's place in the line of starts that wait for a thread. */
export interface Place {
  isFirst(): Promise<boolean>;
  /** Resolves when the thread may have become free, after about a second, or when `signal` aborts. */
  changed(signal?: AbortSignal): Promise<void>;
  leave(): Promise<void>;
}

/** A log that carries a name, so that processes can see whether they share it. */
export interface NamedLog {
  /** The log's name. With `name`, a log without one is given it. */
  name(name: string): Promise<string>;
  name(name?: string): Promise<string | undefined>;
}

/** Its methods throw SluiceError `storage_unavailable`. */
export interface Instances {
  /** `false`: this process is alone. */
  readonly shared: boolean;
  /** Counts the times in which this process could not report for so long that others may have taken over its runs. */
  readonly lapses: number;
  /** Reports whether every living process writes this log. A process that shares asks this before anything else. */
  shareLog(log: NamedLog): Promise<boolean>;
  /** Begins to report that this process is alive, and to listen to the others. */
  join(hears: Hears): Promise<void>;
  /** Reports that this process is about to leave, and takes nothing over any more. Never rejects. */
  drain(): Promise<void>;
  /** Reports whether a process lives that can go on with a run of this one. */
  hasSuccessor(): Promise<boolean>;
  /**
   * Lets an active run go, for another process to take it over at once. `input` replaces the input that its row keeps.
   * `false`, and nothing written, when the claim is outdated.
   */
  handOver(claim: Claim, input?: unknown): Promise<boolean>;
  /** Looks for wishes about runs that this process took over: their owner before did not grant them all. */
  recall(): void;
  /** Reports that this process is leaving: others take over its runs at once. Never rejects. */
  leave(): Promise<void>;
  /** Reports whether another process drives this run, or was about to. */
  isElsewhere(run: RunRecord): boolean;
  /** Reports whether the process that drove this run left it to others in good order. */
  isReleased(run: RunRecord): boolean;
  /** The run that holds a thread, when another process drives it. */
  elsewhere(threadId: string): Promise<RunRecord | undefined>;
  /** Returns those of the given threads that are held by a run of another process. */
  heldElsewhere(threadIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Returns runs that are unfinished (see `Store`) although their process is gone: at most a few at a time. */
  orphans(): Promise<readonly RunRecord[]>;
  /** Sends a wish about a thread's run. `false` when no run holds the thread, or the wish was granted before. */
  ask(threadId: string, wish: Wish): Promise<boolean>;
  /** Reports that a wish was not granted: the thread that others wait for is still held. */
  refused(threadId: string): Promise<void>;
  /** Reports whether a start of another process waits for this thread. */
  isAwaited(threadId: string): Promise<boolean>;
  /** Takes a place in line. @throws SluiceError `overloaded` when the line is full. */
  enter(threadId: string): Promise<Place>;
  /** The followers that other processes serve; `undefined` when there are none. */
  followed(threadId: string): Promise<Following | undefined>;
  /** Reports this process's own followers of a thread; `undefined` when there are no more. */
  follows(threadId: string, following: Following | undefined): void;
}

/** For a process that shares nothing. */
export const ALONE: Instances = {
  shared: false,
  lapses: 0,
  shareLog: async () => true,
  join: async () => {},
  drain: async () => {},
  hasSuccessor: async () => false,
  handOver: async () => false,
  recall: () => {},
  leave: async () => {},
  isElsewhere: () => false,
  isReleased: () => false,
  elsewhere: async () => undefined,
  heldElsewhere: async () => new Set(),
  orphans: async () => [],
  ask: async () => false,
  refused: async () => {},
  isAwaited: async () => false,
  enter: async () => ({ isFirst: async () => true, changed: async () => {}, leave: async () => {} }),
  followed: async () => undefined,
  follows: () => {},
};
