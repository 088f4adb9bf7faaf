/** The processes that share a store and a log: who drives which run, and what they ask of each other. */
import type { RunRecord } from "./store.ts";

/**
 * A wish about the run that holds a thread. `yield`: end it if nobody follows it and it was not to go on alone. `inject`:
 * look for messages that were kept for it.
 */
export type Wish = "cancel" | "graph" | "yield" | "inject";

/** The followers of a thread that other processes serve. */
export interface Following {
  /** Does any of them want the graph topic? */
  readonly graph: boolean;
}

/** What a process hears of the others. */
export interface Hears {
  /** The run on a thread is asked for something. This process drives it, or did. */
  asked(threadId: string, wish: Wish): void;
  /** There may be runs that no process drives. */
  orphaned(): void;
  /** This process could not report for so long that others may take its runs over soon. */
  lost(): void;
}

/** A start's place in the line of those that wait for a thread. */
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
  /** May there be others? */
  readonly shared: boolean;
  /** Does every process that lives write this log? To be asked before anything else, of a process that shares. */
  shareLog(log: NamedLog): Promise<boolean>;
  /** Begins to report that this process lives, and to hear of the others. */
  join(hears: Hears): Promise<void>;
  /** Reports that this process is gone: others take up at once what it drives. Never rejects. */
  leave(): Promise<void>;
  /** Does another process drive this run, or was it to? */
  isElsewhere(run: RunRecord): boolean;
  /** Did the process that drove this run leave it to others in good order? */
  isReleased(run: RunRecord): boolean;
  /** The run that holds a thread, when another process drives it. */
  elsewhere(threadId: string): Promise<RunRecord | undefined>;
  /** Those of these threads that a run of another process holds. */
  heldElsewhere(threadIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Runs that hold their threads and whose process is gone, at most a few at a time. */
  orphans(): Promise<readonly RunRecord[]>;
  /** Makes a wish about a thread's run. `false` when no run holds it, or the wish was granted before. */
  ask(threadId: string, wish: Wish): Promise<boolean>;
  /** Reports that a thread that others wait for is as it was: a wish was not granted. */
  refused(threadId: string): Promise<void>;
  /** Does a start of another process wait for this thread? */
  isAwaited(threadId: string): Promise<boolean>;
  /** Takes a place in line. @throws SluiceError `overloaded` when the line is full. */
  enter(threadId: string): Promise<Place>;
  /** The followers that other processes serve; nothing when there are none. */
  followed(threadId: string): Promise<Following | undefined>;
  /** Reports this process's own followers of a thread; nothing: none any more. */
  follows(threadId: string, following: Following | undefined): void;
}

/** A process alone. */
export const ALONE: Instances = {
  shared: false,
  shareLog: async () => true,
  join: async () => {},
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
