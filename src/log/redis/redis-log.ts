/**
 * The event log that several processes share: Redis holds it. Each process reads its own entries from memory, before
 * Redis has acknowledged them. So followers in the process of their run do not wait for the network.
 */
import type { Redis } from "ioredis";
import { Buckets, STORAGE_SECONDS } from "../../counts/buckets.ts";
import { type Cursor, type Fence, isAt } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Topic } from "../../protocol/ids.ts";
import { type EventLog, type KeptPosition, type LogSize, type NewEntry, NotShared, type Page } from "../log.ts";
import { MemoryLog, type MemoryLogLimits } from "../memory.ts";
import { type Watcher, Watchers } from "../watchers.ts";
import { answers, connect, connection, disconnect, type RedisOptions, withinTime } from "./connection.ts";
import { Outbox } from "./outbox.ts";
import { RedisTopics } from "./topics.ts";
import { Wakes } from "./wakes.ts";

export interface RedisLogOptions extends RedisOptions, MemoryLogLimits {}

/** A topic that this process writes. */
interface Owned {
  readonly outbox: Outbox;
  writtenAt: number;
  /** Its run is over. Until then the entries stay in memory, so that they can be restored if Redis loses them. */
  settled: boolean;
}

/** Milliseconds without a write after which a topic whose run is over is read from Redis again. */
const RING_MS = 10_000;

export class RedisLog implements EventLog {
  readonly engine = "redis";
  readonly writes = new Buckets(STORAGE_SECONDS);
  readonly #redis: Redis;
  readonly #listener: Redis;
  readonly #topics: RedisTopics;
  readonly #wakes: Wakes;
  readonly #watchers = new Watchers();
  /** The latest entries that this process wrote. */
  readonly #ring: MemoryLog;
  readonly #owned = new Map<Topic, Owned>();
  readonly #claiming = new Map<Topic, Promise<Cursor>>();

  constructor(options: RedisLogOptions) {
    this.#redis = connection(options);
    this.#listener = connection(options);
    this.#topics = new RedisTopics(this.#redis, options);
    this.#ring = new MemoryLog(options, undefined, this.#watchers);
    this.#wakes = new Wakes(
      this.#listener,
      this.#watchers,
      (topic) => this.#topics.keys(topic).meta,
      (topic) => this.#owned.has(topic),
      this.#heard,
    );
  }

  /** @throws Error when Redis cannot be reached, refuses the sign-in, or is older than 7. */
  async ready(): Promise<void> {
    await connect(this.#redis);
    await connect(this.#listener);
    this.#redis.on("ready", () => this.#probe());
  }

  /** The name that the log carries in Redis. With `name`, a log without one is given it. */
  async name(name: string): Promise<string>;
  async name(name?: string): Promise<string | undefined>;
  async name(name?: string): Promise<string | undefined> {
    return this.#topics.name(name);
  }

  writable(): Promise<boolean> {
    return answers(this.#redis);
  }

  async claim(topic: Topic, fence: Fence, anew = false): Promise<Cursor> {
    // The entries of the thread's last run come before those of this one.
    await withinTime(this.#flushed(topic));
    const cursor = await this.#topics.claim(topic, fence, anew);
    await this.#own(topic, fence, cursor);
    // In a new epoch, followers of the earlier one learn that it is lost.
    this.#watchers.wake(topic);
    return cursor;
  }

  async append(topic: Topic, fence: Fence, entries: readonly NewEntry[]): Promise<Cursor> {
    const owned = this.#owned.get(topic) ?? (await this.#claimOnce(topic, fence));
    const { outbox } = owned;
    if (fence < outbox.fence) throw new SluiceError("owner_lost");
    if (fence > outbox.fence) {
      await this.claim(topic, fence);
      return this.append(topic, fence, entries);
    }
    if (outbox.lost) throw outbox.lost;
    owned.writtenAt = performance.now();
    if (!(await this.#ringHead(topic))) {
      // The memory for all topics together was full.
      await withinTime(outbox.flushed());
      this.#ring.adopt(topic, fence, outbox.acknowledged);
    }
    const cursor = await this.#ring.append(topic, fence, entries);
    outbox.push(entries);
    try {
      await outbox.room();
    } catch (error) {
      throw outbox.lost ?? new NotShared(cursor, error);
    }
    return cursor;
  }

  async read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    if (after === null) await this.#flushed(topic);
    else if (await this.#ringHead(topic)) {
      const page = await this.#ring.read(topic, after, limit);
      // Entries before the ring may still be in Redis.
      if (page.gap !== "window") return page;
    }
    return this.#topics.read(topic, after, limit);
  }

  async open(topic: Topic): Promise<Cursor> {
    return (await this.#ringHead(topic)) ?? this.#topics.claim(topic, "", false);
  }

  async head(topic: Topic): Promise<Cursor | undefined> {
    return (await this.#ringHead(topic)) ?? this.#topics.head(topic);
  }

  async cutOff(topic: Topic, before: Cursor): Promise<void> {
    await this.#topics.raiseFloor(topic, before);
  }

  mayBegin(topic: Topic, after: Cursor): Promise<boolean> {
    return this.#topics.mayBegin(topic, after);
  }

  get window(): EventLog["window"] {
    return this.#ring.window;
  }

  keepPosition(topic: Topic, fence: Fence, position: KeptPosition): void {
    this.#ring.keepPosition(topic, fence, position);
    const outbox = this.#owned.get(topic)?.outbox;
    if (outbox?.fence === fence) outbox.keep(position);
  }

  async keptPosition(topic: Topic): Promise<KeptPosition | undefined> {
    return (await this.#ring.keptPosition(topic)) ?? this.#topics.keptPosition(topic);
  }

  watch(topic: Topic, watcher: Watcher): () => void {
    const unwatch = this.#watchers.add(topic, watcher);
    this.#wakes.want(topic);
    return unwatch;
  }

  async settled(topic: Topic): Promise<void> {
    await withinTime(this.#flushed(topic));
    const owned = this.#owned.get(topic);
    if (owned) owned.settled = true;
  }

  async drop(topic: Topic): Promise<void> {
    await withinTime(this.#flushed(topic));
    this.#release(topic);
    await this.#topics.drop(topic);
    this.#watchers.wake(topic);
  }

  get size(): LogSize {
    const unwritten = [...this.#owned.values()].reduce((sum, { outbox }) => sum + outbox.size, 0);
    return { ...this.#ring.size, unwritten };
  }

  /** Topics that this process no longer writes are read from Redis from now on. */
  async sweep(): Promise<void> {
    const silent = performance.now() - RING_MS;
    for (const [topic, { outbox, writtenAt, settled }] of this.#owned) {
      if (settled && writtenAt < silent && outbox.isEmpty) this.#release(topic);
    }
    this.#probe();
  }

  /** Waits until Redis has taken the entries, but not for long. Then closes the connections. */
  async close(): Promise<void> {
    const outboxes = [...this.#owned.values()].map(({ outbox }) => outbox);
    await Promise.allSettled(outboxes.map((outbox) => withinTime(outbox.flushed())));
    for (const outbox of outboxes) outbox.close();
    this.#wakes.close();
    await Promise.all([disconnect(this.#listener), disconnect(this.#redis)]);
  }

  /** A message about a topic: its head, or nothing after another process dropped it. */
  readonly #heard = (topic: Topic, head: Cursor | undefined) => {
    void this.#ringHead(topic).then((ring) => {
      if (ring && head?.epoch === ring.epoch && head.offset <= ring.offset) return; // This process wrote it.
      const outbox = this.#owned.get(topic)?.outbox;
      // A reader opened a topic that Redis lost, or another process owns it now. The probe finds out which.
      if (head && head.epoch !== ring?.epoch) outbox?.probe();
      else if (ring && outbox?.isEmpty) this.#release(topic);
      this.#watchers.wake(topic);
    });
  };

  /** Redis may have come back empty. */
  #probe(): void {
    for (const { outbox } of this.#owned.values()) outbox.probe();
  }

  #ringHead(topic: Topic): Promise<Cursor | undefined> {
    return this.#owned.has(topic) ? this.#ring.head(topic) : Promise.resolve(undefined);
  }

  #flushed(topic: Topic): Promise<void> {
    return this.#owned.get(topic)?.outbox.flushed() ?? Promise.resolve();
  }

  /** Several appends may come at once to a topic that none has claimed. */
  async #claimOnce(topic: Topic, fence: Fence): Promise<Owned> {
    const claiming = this.#claiming.get(topic) ?? this.claim(topic, fence);
    this.#claiming.set(topic, claiming);
    try {
      await claiming;
    } finally {
      this.#claiming.delete(topic);
    }
    const owned = this.#owned.get(topic);
    if (!owned) throw new SluiceError("owner_lost");
    return owned;
  }

  async #own(topic: Topic, fence: Fence, from: Cursor): Promise<void> {
    if (isAt(from, await this.#ringHead(topic))) await this.#ring.claim(topic, fence);
    else this.#ring.adopt(topic, fence, from);
    const outbox = new Outbox({
      fence,
      from,
      keep: (position) => this.#topics.keepPosition(topic, fence, position),
      send: async (after, fields) => {
        const sentAt = performance.now();
        const answer = await this.#topics.append(topic, fence, after, fields);
        this.writes.add((performance.now() - sentAt) / 1_000);
        if (answer === "owner_lost") this.#lost(topic, outbox);
        return answer;
      },
      restore: async (acknowledged) => {
        const { entries, next } = await this.#ring.read(topic, null, Number.POSITIVE_INFINITY);
        if (next.epoch !== acknowledged.epoch) return false; // The memory for all topics together was full.
        const had = entries.filter(({ offset }) => offset <= acknowledged.offset);
        await this.#topics.restore(topic, fence, acknowledged, had);
        const kept = await this.#ring.keptPosition(topic);
        if (kept) await this.#topics.keepPosition(topic, fence, kept);
        return true;
      },
      renew: async (unacknowledged) => {
        const begun = await this.#topics.claim(topic, fence, true);
        this.#ring.adopt(topic, fence, begun);
        await this.#ring.append(topic, fence, unacknowledged);
        return begun;
      },
    });
    this.#owned.set(topic, { outbox, writtenAt: performance.now(), settled: false });
    // The entries here are the topic's last ones only until another process writes to it.
    this.#wakes.want(topic);
  }

  /** Releases a topic. Followers in this process continue with the entries of the new owner. */
  #lost(topic: Topic, outbox: Outbox): void {
    if (this.#owned.get(topic)?.outbox !== outbox) return;
    this.#release(topic);
    this.#watchers.wake(topic);
  }

  #release(topic: Topic): void {
    this.#owned.delete(topic);
    this.#ring.forget(topic);
  }
}
