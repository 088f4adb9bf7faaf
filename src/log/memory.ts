/** The event log of one process: a bounded window of each topic, in memory. */
import { randomBytes } from "node:crypto";
import type { Cursor, Fence } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Topic } from "../protocol/ids.ts";
import type { EventLog, KeptPosition, LogEntry, LogSize, NewEntry, Page } from "./log.ts";
import { type Watcher, Watchers } from "./watchers.ts";

export interface MemoryLogLimits {
  /** The most entries a topic keeps. Older ones are trimmed, and a reader that still needs them meets a gap. */
  readonly maxEvents: number;
  /** The most bytes of JSON a topic keeps. The newest entry always stays. */
  readonly maxBytes: number;
  /** The most memory that all topics' entries take together. Beyond it, the topics that were silent longest are dropped. */
  readonly maxTotalBytes: number;
  /** Milliseconds that a silent topic is kept. */
  readonly retentionMs: number;
}

interface TopicState {
  readonly epoch: string;
  fence: Fence;
  /** A window: entries before `start` are trimmed and wait to be cut off. */
  entries: LogEntry[];
  start: number;
  head: number;
  /** A reader's first position is this offset or later. */
  floor: number;
  /** The bytes of the entries' JSON. */
  bytes: number;
  kept: KeptPosition | undefined;
  touchedAt: number;
}

/** The memory that an entry takes besides its JSON, as measured: 100,000 deltas took 213 bytes each, with 102 of JSON. */
export const ENTRY_BYTES = 110;

/** The most topics that were opened and never written. Any request that names a thread opens one. */
export const MAX_UNWRITTEN_TOPICS = 10_000;

export class MemoryLog implements EventLog {
  readonly engine = "memory";
  readonly #limits: MemoryLogLimits;
  readonly #now: () => number;
  /** In the order of their last append, the longest silent first. */
  readonly #topics = new Map<Topic, TopicState>();
  /** The topics that were opened and never written, the oldest first. */
  readonly #unwritten = new Set<Topic>();
  readonly #watchers: Watchers;
  #heldBytes = 0;

  /** `now` is a monotonic clock in milliseconds. `watchers`: the watchers of the log that this log is a part of. */
  constructor(limits: MemoryLogLimits, now: () => number = () => performance.now(), watchers = new Watchers()) {
    this.#limits = limits;
    this.#now = now;
    this.#watchers = watchers;
  }

  async claim(topic: Topic, fence: Fence, anew = false): Promise<Cursor> {
    const known = this.#topics.get(topic);
    if (known && fence < known.fence) throw new SluiceError("owner_lost");
    if (known && anew) await this.drop(topic);
    const state = this.#topics.get(topic) ?? this.#begin(topic);
    state.fence = fence;
    this.#keep(state, undefined);
    return { epoch: state.epoch, offset: state.head };
  }

  /** Begins a topic at a position that another log gave it, and forgets its entries here. */
  adopt(topic: Topic, fence: Fence, { epoch, offset }: Cursor): void {
    this.forget(topic);
    this.#topics.set(topic, { ...newTopic(), epoch, fence, head: offset, floor: 0, touchedAt: this.#now() });
  }

  append(topic: Topic, fence: Fence, entries: readonly NewEntry[]): Cursor | Promise<Cursor> {
    const state = this.#topics.get(topic) ?? newTopic();
    if (fence < state.fence) throw new SluiceError("owner_lost");
    state.fence = fence;
    const appended: LogEntry[] = [];
    for (const { json, type, runId, span, edge, provenance } of entries) {
      state.head += 1;
      const entry = { json, type, runId, span, edge, provenance, offset: state.head };
      appended.push(entry);
      state.entries.push(entry);
      this.#count(state, json, 1);
    }
    this.#trim(state);
    state.touchedAt = this.#now();
    this.#topics.delete(topic);
    this.#topics.set(topic, state);
    this.#unwritten.delete(topic);
    this.#dropSilentest(topic);
    const grown = page(state.epoch, appended, state.head);
    this.#watchers.wake(topic, grown);
    return grown.next;
  }

  async read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    const state = this.#topics.get(topic);
    if (!state) {
      // The topic was dropped, or never existed. A reader of a dropped topic gets a new topic and a new position.
      // Otherwise it would meet the same gap again and again.
      if (after === null) return page("", [], 0);
      const { epoch } = await this.open(topic);
      return page(epoch, [], 0, "epoch");
    }
    const { epoch, head } = state;
    const oldest = head - (state.entries.length - state.start) + 1;
    const from = after === null ? oldest - 1 : after.offset;
    if (after !== null && after.epoch !== epoch) return page(epoch, [], head, "epoch");
    if (from > head) return page(epoch, [], head, "ahead");
    if (from + 1 < oldest) return page(epoch, [], head, "window");
    const first = state.start + (from + 1 - oldest);
    const entries = state.entries.slice(first, first + limit);
    return page(epoch, entries, from + entries.length);
  }

  async open(topic: Topic): Promise<Cursor> {
    const state = this.#topics.get(topic) ?? this.#begin(topic);
    return { epoch: state.epoch, offset: state.head };
  }

  #begin(topic: Topic): TopicState {
    const state = { ...newTopic(), touchedAt: this.#now() };
    this.#topics.set(topic, state);
    this.#unwritten.add(topic);
    for (const oldest of this.#unwritten) {
      if (this.#unwritten.size <= MAX_UNWRITTEN_TOPICS) break;
      // A follower would open its topic again at once.
      if (oldest === topic || this.#watchers.has(oldest)) continue;
      this.#unwritten.delete(oldest);
      this.#topics.delete(oldest);
    }
    return state;
  }

  async head(topic: Topic): Promise<Cursor | undefined> {
    const state = this.#topics.get(topic);
    return state && { epoch: state.epoch, offset: state.head };
  }

  async cutOff(topic: Topic, { epoch, offset }: Cursor): Promise<void> {
    const state = this.#topics.get(topic);
    if (state?.epoch === epoch) state.floor = Math.max(state.floor, offset);
  }

  async mayBegin(topic: Topic, { epoch, offset }: Cursor): Promise<boolean> {
    const state = this.#topics.get(topic);
    return state?.epoch !== epoch || offset >= state.floor;
  }

  get window(): EventLog["window"] {
    return { entries: this.#limits.maxEvents, bytes: this.#limits.maxBytes };
  }

  keepPosition(topic: Topic, fence: Fence, position: KeptPosition): void {
    const state = this.#topics.get(topic);
    if (state?.fence === fence && state.epoch === position.cursor.epoch) this.#keep(state, position);
  }

  async keptPosition(topic: Topic): Promise<KeptPosition | undefined> {
    return this.#topics.get(topic)?.kept;
  }

  watch(topic: Topic, watcher: Watcher): () => void {
    return this.#watchers.add(topic, watcher);
  }

  async settled(): Promise<void> {}

  async drop(topic: Topic): Promise<void> {
    if (this.forget(topic)) this.#watchers.wake(topic);
  }

  /** Drops a topic without waking its followers. `false` when there is none. */
  forget(topic: Topic): boolean {
    const state = this.#topics.get(topic);
    if (!state) return false;
    this.#heldBytes -= heldBy(state);
    this.#topics.delete(topic);
    this.#unwritten.delete(topic);
    return true;
  }

  /** Drops the topics whose retention has passed, except those with followers: they would meet a gap. */
  async sweep(): Promise<void> {
    const oldest = this.#now() - this.#limits.retentionMs;
    for (const [topic, state] of [...this.#topics]) {
      if (state.touchedAt > oldest) break; // The rest was touched later.
      if (!this.#watchers.has(topic)) await this.drop(topic);
    }
  }

  async writable(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  /** For tests and metrics. */
  get size(): LogSize {
    return { topics: this.#topics.size, bytes: this.#heldBytes, followed: this.#watchers.size, unwritten: 0 };
  }

  #keep(state: TopicState, position: KeptPosition | undefined): void {
    this.#heldBytes -= bytesOf(state.kept);
    state.kept = position;
    this.#heldBytes += bytesOf(position);
  }

  #count(state: TopicState, json: string, entries: 1 | -1): void {
    const bytes = Buffer.byteLength(json) * entries;
    state.bytes += bytes;
    this.#heldBytes += bytes + ENTRY_BYTES * entries;
  }

  #trim(state: TopicState): void {
    const { maxEvents, maxBytes } = this.#limits;
    let kept = state.entries.length - state.start;
    while (kept > 1 && (kept > maxEvents || state.bytes > maxBytes)) {
      this.#count(state, state.entries[state.start]?.json ?? "", -1);
      state.start += 1;
      kept -= 1;
    }
    // Cutting the array costs a copy. It waits until half is trimmed, so that each entry is moved once on average.
    if (state.start > 64 && state.start * 2 > state.entries.length) {
      state.entries = state.entries.slice(state.start);
      state.start = 0;
    }
  }

  #dropSilentest(except: Topic): void {
    for (const [topic, state] of this.#topics) {
      if (this.#heldBytes <= this.#limits.maxTotalBytes || topic === except) return;
      if (state.bytes === 0) continue;
      this.#heldBytes -= heldBy(state);
      this.#topics.delete(topic);
      this.#watchers.wake(topic);
    }
  }
}

function heldBy({ bytes, entries, start, kept }: TopicState): number {
  return bytes + ENTRY_BYTES * (entries.length - start) + bytesOf(kept);
}

function bytesOf(position: KeptPosition | undefined): number {
  return position ? Buffer.byteLength(position.text) : 0;
}

function newTopic(): TopicState {
  const epoch = randomBytes(6).toString("hex");
  return { epoch, fence: 0, entries: [], start: 0, head: 0, floor: 0, bytes: 0, kept: undefined, touchedAt: 0 };
}

function page(epoch: string, entries: readonly LogEntry[], offset: number, gap?: Page["gap"]): Page {
  return { epoch, entries, next: { epoch, offset }, ...(gap ? { gap } : {}) };
}
