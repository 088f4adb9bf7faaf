/**
 * The event log. A run writes to it, whether or not somebody reads; sockets read from it at their own pace. Only the
 * log assigns positions, and it stores an entry before anybody can read it.
 */
import type { Cursor, Fence } from "../protocol/cursor.ts";
import type { Edge, EventType } from "../protocol/events.ts";
import type { GapReason } from "../protocol/frames.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import type { Topic } from "../protocol/ids.ts";
import type { Watcher } from "./watchers.ts";

/** The graph event that an entry came from, so that a view can decide whether it may pass. */
export interface Provenance {
  /** The graph event names any of which admits this entry. */
  readonly events: readonly GraphEventName[];
  readonly node: string | undefined;
  readonly name: string;
  readonly tags: readonly string[];
  readonly depth: number;
}

/** An entry as its writer hands it in. The JSON is made once, however many will read it. */
export interface NewEntry {
  readonly json: string;
  /** The AG-UI event's type; in a graph topic `GRAPH`, and `GRAPH_END` for what closes a run. */
  readonly type: EventType | "GRAPH" | "GRAPH_END";
  readonly runId: string;
  /** The span (message, reasoning, tool call, step) this entry belongs to, if any. */
  readonly span: string | undefined;
  readonly edge: Edge;
  /** Absent for what no graph event caused: the run's own events, and closers. */
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
  /** Set when entries between the asked cursor and these are gone for good. Then `entries` is empty. */
  readonly gap?: GapReason;
  /** The position to read on from. */
  readonly next: Cursor;
}

/** The size of the part of the log that a process holds. */
export interface LogSize {
  readonly topics: number;
  /** The bytes of all entries. */
  readonly bytes: number;
  /** The number of topics that readers follow. */
  readonly followed: number;
}

export interface EventLog {
  readonly size: LogSize;
  /**
   * Makes `fence` the owner of a topic, which is created when it is missing. The result is the position after which
   * this owner's entries come. A run that was taken over from a dead process begins `anew`, in a new epoch: followers
   * beside the old process may have read entries that no other process ever saw.
   * @throws SluiceError `owner_lost` when a later fence owns the topic, `storage_unavailable`.
   */
  claim(topic: Topic, fence: Fence, anew?: boolean): Promise<Cursor>;
  /**
   * Appends all entries or none, and hands them to those who watch. An owner that did not claim the topic claims it.
   * @throws SluiceError `owner_lost` when a later fence owns the topic. `storage_unavailable` when the engine cannot
   * store any more at the moment: the entries are in the log of this process, and the run should end.
   */
  append(topic: Topic, fence: Fence, entries: readonly NewEntry[]): Promise<Cursor>;
  /**
   * The entries after `after` (`null`: the oldest retained), at most `limit`; fewer only at the head. Reports a gap,
   * never hides one.
   */
  read(topic: Topic, after: Cursor | null, limit: number): Promise<Page>;
  /** Makes sure that a topic exists, so that a position in it can be named before its first entry. Gives its head. */
  open(topic: Topic): Promise<Cursor>;
  /** The position of the last entry; nothing when the topic has never been written. */
  head(topic: Topic): Promise<Cursor | undefined>;
  /**
   * Lets no reader begin before this position any more: the entries there no longer hold. Readers that are under way
   * read on.
   */
  cutOff(topic: Topic, before: Cursor): Promise<void>;
  /** May a reader begin after this position? It may be gone all the same: reading says so. */
  mayBegin(topic: Topic, after: Cursor): Promise<boolean>;
  /**
   * Calls `watcher` when a topic grows or goes, until the result is called. What this process appends is handed over
   * within the append. Losing a call costs time, not data: a follower reads.
   */
  watch(topic: Topic, watcher: Watcher): () => void;
  /** Forgets a topic. The next append starts a new epoch. */
  drop(topic: Topic): Promise<void>;
  /** Lets go of what has been silent for too long. To be called now and then. */
  sweep(): Promise<void>;
  /** Can entries be stored at the moment? */
  writable(): Promise<boolean>;
  /** Lets go of what the log holds outside of it. To be called last. */
  close(): Promise<void>;
}
