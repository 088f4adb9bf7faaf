/**
 * The event log. A run writes to it, whether or not somebody reads; sockets read from it at their own pace. Only the
 * log assigns positions, and it stores an entry before anybody can read it.
 */
import type { Buckets } from "../counts/buckets.ts";
import type { Cursor, Fence } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Edge, EventType } from "../protocol/events.ts";
import type { GapReason } from "../protocol/frames.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import type { Topic } from "../protocol/ids.ts";
import type { Watcher } from "./watchers.ts";

/** The graph event that an entry came from, so that a view can decide whether it may pass. */
export interface Provenance {
  /** Any one of these graph event names admits the entry. */
  readonly events: readonly GraphEventName[];
  readonly node: string | undefined;
  readonly name: string;
  readonly tags: readonly string[];
  readonly depth: number;
}

/** An entry as its writer hands it in. The JSON is made once, however many will read it. */
export interface NewEntry {
  readonly json: string;
  /** The AG-UI event's type; in a graph topic it is `GRAPH`, or `GRAPH_END` for the entry that ends a run. */
  readonly type: EventType | "GRAPH" | "GRAPH_END";
  readonly runId: string;
  /** The span (message, reasoning, tool call, step) this entry belongs to, if any. */
  readonly span: string | undefined;
  readonly edge: Edge;
  /** Absent if no graph event caused the entry: for the run's own events, and for closers. */
  readonly provenance: Provenance | undefined;
}

export interface LogEntry extends NewEntry {
  /** Dense within the topic's epoch, from 1. */
  readonly offset: number;
}

export type { GapReason };

export interface Page {
  readonly epoch: string;
  /** In order, without holes. Empty at the head. */
  readonly entries: readonly LogEntry[];
  /** Set if entries after the given cursor are lost. `entries` is then empty. */
  readonly gap?: GapReason;
  /** The position to read on from. */
  readonly next: Cursor;
}

/**
 * The state of a topic's reader at a position, for readers that begin there because entries before it were trimmed. The
 * log does not read the text.
 */
export interface KeptPosition {
  readonly cursor: Cursor;
  readonly text: string;
}

/** The size of the part of the log that a process holds. */
export interface LogSize {
  readonly topics: number;
  /** The bytes of memory that all entries take. */
  readonly bytes: number;
  /** The number of topics that readers follow. */
  readonly followed: number;
  /** Entries that wait until the shared log has taken them; none where no process shares it. */
  readonly unwritten: number;
}

/**
 * `storage_unavailable` after an append: its entries are in the log of this process, but other processes cannot read
 * them yet.
 */
export class NotShared extends SluiceError {
  /** The position of the last entry. */
  readonly cursor: Cursor;

  constructor(cursor: Cursor, cause: unknown) {
    super("storage_unavailable", undefined, { cause });
    this.cursor = cursor;
  }
}

export interface EventLog {
  /** Names the engine for operators, such as `redis`. */
  readonly engine: string;
  readonly size: LogSize;
  /** A topic keeps at least its last entries up to one of these bounds. `bytes` are those of their JSON. */
  readonly window: { readonly entries: number; readonly bytes: number };
  /** The time from sending entries to the engine until its answer, in seconds. Absent for an engine in memory. */
  readonly writes?: Buckets;
  /**
   * Makes `fence` the owner of a topic, which is created when it is missing. The result is the position after which
   * this owner's entries come. `anew` begins a new epoch, for a run that was taken over from a dead process: followers
   * in that process may have read entries that no other process has.
   * @throws SluiceError `owner_lost` when a later fence owns the topic, `storage_unavailable`.
   */
  claim(topic: Topic, fence: Fence, anew?: boolean): Promise<Cursor>;
  /**
   * Appends all entries or none, and hands them to the watchers. If the owner has not claimed the topic yet, this
   * claims it. An engine that waits for nothing returns the position at once, and throws at once.
   * @throws SluiceError `owner_lost` when a later fence owns the topic. `storage_unavailable` when the engine cannot
   * store more entries at the moment, and the run should end: `NotShared` when the entries are nevertheless in the log of
   * this process.
   */
  append(topic: Topic, fence: Fence, entries: readonly NewEntry[]): Cursor | Promise<Cursor>;
  /**
   * The entries after `after` (`null`: the oldest retained), at most `limit`; fewer only at the head. Reports a gap,
   * never hides one.
   */
  read(topic: Topic, after: Cursor | null, limit: number): Promise<Page>;
  /** Makes sure that a topic exists, so that it has a position before its first entry. Returns its head. */
  open(topic: Topic): Promise<Cursor>;
  /** The position of the last entry; `undefined` when the topic does not exist. */
  head(topic: Topic): Promise<Cursor | undefined>;
  /**
   * From now on, no reader may begin before this position, because the entries before it are no longer valid. Readers
   * that began earlier may continue.
   */
  cutOff(topic: Topic, before: Cursor): Promise<void>;
  /**
   * Reports whether a reader may begin after this position. Even if the reader may begin there, the entries after this
   * position may be lost already. In this case `read` reports a gap.
   */
  mayBegin(topic: Topic, after: Cursor): Promise<boolean>;
  /**
   * Keeps a position beside a topic. It replaces the earlier one. Readers get it when they can read the entries up to
   * it. The position is lost with the topic's epoch and with the next claim, and never written for an owner that was
   * replaced.
   */
  keepPosition(topic: Topic, fence: Fence, position: KeptPosition): void;
  /** The position that is kept beside a topic. @throws SluiceError `storage_unavailable`. */
  keptPosition(topic: Topic): Promise<KeptPosition | undefined>;
  /**
   * Calls `watcher` when a topic grows or is dropped, until the returned function is called. Entries that this process
   * appends are passed to `watcher` during the append. If a call is lost, the follower is only delayed, because it also
   * reads the log itself.
   */
  watch(topic: Topic, watcher: Watcher): () => void;
  /**
   * To be called when a run is over. Resolves when other processes can read all entries that this process appended to
   * the topic, or when this process no longer owns it.
   * @throws SluiceError `storage_unavailable` when that takes longer than a few seconds.
   */
  settled(topic: Topic): Promise<void>;
  /** Forgets a topic. The next append starts a new epoch. */
  drop(topic: Topic): Promise<void>;
  /** Drops topics that have been silent for too long. Is to be called regularly. */
  sweep(): Promise<void>;
  /** Can entries be stored at the moment? */
  writable(): Promise<boolean>;
  /** Releases connections and other resources. Is to be called last. */
  close(): Promise<void>;
}
