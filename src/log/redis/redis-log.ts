/**
 * The event log that several processes share: Redis holds it, and each process reads what it writes itself from memory,
 * ahead of what Redis has acknowledged. So followers beside their run wait for no network.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { type Cursor, isAt } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Topic } from "../../protocol/ids.ts";
import type { EventLog, Fence, GapReason, NewEntry, Page } from "../log.ts";
import { MemoryLog, type MemoryLogLimits } from "../memory.ts";
import { Waiting } from "../waiting.ts";
import { fromFields } from "./entry.ts";
import { type Answer, Outbox } from "./outbox.ts";
import { appendEntries, claimTopic, dropTopic, raiseFloor, readEntries, type TopicKeys } from "./scripts.ts";
import { Wakes } from "./wakes.ts";

export interface RedisLogOptions extends MemoryLogLimits {
  /** Like `redis://user:password@host:6379/0`; `rediss:` for TLS. Redis 7 or newer, or Valkey. */
  readonly url: string;
  /** Before each key and channel, so that several deployments can share a server. */
  readonly prefix: string;
  /** Hears of a connection that failed. It is made again by itself. */
  readonly failed: (error: Error) => void;
}

/** A command that Redis did not answer in this time has failed. */
const COMMAND_TIMEOUT_MS = 5_000;
const RETRY_MS = 200;
/** A topic that its process has not written for so long is read from Redis again. */
const RING_MS = 10_000;

/** A topic that this process writes. */
interface Owned {
  readonly outbox: Outbox;
  writtenAt: number;
}

export class RedisLog implements EventLog {
  readonly #options: RedisLogOptions;
  readonly #redis: Redis;
  readonly #wakes: Wakes;
  readonly #waiting = new Waiting();
  /** What this process wrote of late. */
  readonly #ring: MemoryLog;
  /** The topics it writes, in the order of their last append. */
  readonly #outboxes = new Map<Topic, Owned>();
  readonly #claiming = new Map<Topic, Promise<Cursor>>();
  #closed = false;

  constructor(options: RedisLogOptions) {
    this.#options = options;
    this.#redis = connect(options);
    this.#ring = new MemoryLog(options);
    this.#wakes = new Wakes(connect(options), this.#waiting, (topic) => this.#keys(topic).meta, this.#heard);
  }

  /** @throws Error when Redis cannot be reached, does not let us in, or is older than 7. */
  async ready(): Promise<void> {
    let why: unknown;
    const note = (error: unknown) => {
      why ??= error;
    };
    this.#redis.once("error", note);
    try {
      await this.#redis.connect();
      await this.#wakes.connect();
    } catch (error) {
      // The connection's own error says more than that it is closed.
      throw why ?? error;
    } finally {
      this.#redis.off("error", note);
    }
    const version = /redis_version:(\d+)/.exec(await this.#redis.info("server"))?.[1];
    if (Number(version) < 7) throw new Error(`Redis ${version} is too old: sharded channels need Redis 7.`);
  }

  /** Can Redis be written to? */
  get isWritable(): boolean {
    return this.#redis.status === "ready";
  }

  async claim(topic: Topic, fence: Fence, anew = false): Promise<Cursor> {
    // The entries of the thread's last run come before those of this one.
    const last = this.#outboxes.get(topic)?.outbox.flushed() ?? Promise.resolve();
    await withinTime(last);
    const cursor = await this.#claim(topic, fence, anew);
    await this.#own(topic, fence, cursor);
    return cursor;
  }

  async append(topic: Topic, fence: Fence, entries: readonly NewEntry[]): Promise<Cursor> {
    const owned = this.#outboxes.get(topic) ?? (await this.#claimOnce(topic, fence));
    const { outbox } = owned;
    if (fence < outbox.fence) throw new SluiceError("owner_lost");
    if (fence > outbox.fence) {
      await this.claim(topic, fence);
      return this.append(topic, fence, entries);
    }
    if (outbox.lost) throw outbox.lost;
    owned.writtenAt = performance.now();
    const cursor = await this.#ring.append(topic, fence, entries);
    outbox.push(entries);
    this.#waiting.wake(topic);
    await outbox.room();
    return cursor;
  }

  async read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    const owned = this.#outboxes.get(topic);
    if (owned && after) {
      const page = await this.#ring.read(topic, after, limit);
      // What lies before the ring may still be in Redis.
      if (page.gap !== "window") return page;
    }
    if (!after) await owned?.outbox.flushed();
    return this.#persist(() => this.#read(topic, after, limit));
  }

  async open(topic: Topic): Promise<Cursor> {
    return (await this.#ringHead(topic)) ?? this.#claim(topic, "", false);
  }

  async head(topic: Topic): Promise<Cursor | undefined> {
    const ring = await this.#ringHead(topic);
    if (ring) return ring;
    const [epoch, offset] = await this.#try(() => this.#redis.hmget(this.#keys(topic).meta, "epoch", "head"));
    return epoch ? { epoch, offset: Number(offset) } : undefined;
  }

  async cutOff(topic: Topic, { epoch, offset }: Cursor): Promise<void> {
    await this.#outboxes.get(topic)?.outbox.flushed();
    await this.#try(() => raiseFloor.run(this.#redis, this.#keys(topic), epoch, offset));
  }

  async mayBegin(topic: Topic, { epoch, offset }: Cursor): Promise<boolean> {
    const [known, floor] = await this.#try(() => this.#redis.hmget(this.#keys(topic).meta, "epoch", "floor"));
    return known !== epoch || offset >= Number(floor);
  }

  woken(topic: Topic, signal: AbortSignal): Promise<void> {
    const woken = this.#waiting.arm(topic, signal);
    this.#wakes.want(topic);
    return woken;
  }

  async drop(topic: Topic): Promise<void> {
    await this.#outboxes.get(topic)?.outbox.flushed();
    this.#release(topic);
    await this.#try(() => dropTopic.run(this.#redis, this.#keys(topic)));
    this.#waiting.wake(topic);
  }

  /** Lets go of what is written no more, and asks again for topics that were silent: a message may be lost. */
  async sweep(): Promise<void> {
    const silent = performance.now() - RING_MS;
    for (const [topic, { outbox, writtenAt }] of this.#outboxes) {
      if (writtenAt < silent && outbox.isEmpty) this.#release(topic);
    }
    await this.#ring.sweep();
  }

  /** Waits until Redis has taken what it can take, then lets go of the connections. */
  async close(): Promise<void> {
    const outboxes = [...this.#outboxes.values()].map(({ outbox }) => outbox);
    await Promise.allSettled(outboxes.map((outbox) => withinTime(outbox.flushed())));
    this.#closed = true;
    for (const outbox of outboxes) outbox.close();
    this.#wakes.close();
    this.#redis.disconnect();
  }

  /** Another process wrote, began anew or dropped a topic; `head` is nothing when that is not known. */
  readonly #heard = (topic: Topic, head: Cursor | undefined) => {
    void this.#ringHead(topic).then((ring) => {
      if (ring && head?.epoch === ring.epoch && head.offset <= ring.offset) return; // This process wrote it.
      if (ring && this.#outboxes.get(topic)?.outbox.isEmpty) this.#release(topic);
      this.#waiting.wake(topic);
    });
  };

  #ringHead(topic: Topic): Promise<Cursor | undefined> {
    return this.#outboxes.has(topic) ? this.#ring.head(topic) : Promise.resolve(undefined);
  }

  async #claim(topic: Topic, fence: Fence | "", anew: boolean): Promise<Cursor> {
    const { retentionMs } = this.#options;
    const epoch = randomBytes(6).toString("hex");
    const args = [fence, anew ? "1" : "0", epoch, Math.ceil(retentionMs)] as const;
    const answer = await this.#try(() => claimTopic.run(this.#redis, this.#keys(topic), ...args));
    if (!Array.isArray(answer)) throw new SluiceError("owner_lost");
    return { epoch: String(answer[0]), offset: Number(answer[1]) };
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
    const owned = this.#outboxes.get(topic);
    if (!owned) throw new SluiceError("owner_lost");
    return owned;
  }

  async #own(topic: Topic, fence: Fence, from: Cursor): Promise<void> {
    if (!isAt(from, await this.#ringHead(topic))) this.#ring.adopt(topic, fence, from);
    const { maxEvents, maxBytes, retentionMs } = this.#options;
    const outbox = new Outbox({
      fence,
      from,
      send: async (after, fields) => {
        const limits = [Math.ceil(retentionMs), maxEvents, maxBytes];
        const args = [fence, after.epoch, after.offset, ...limits, ...fields];
        const answer = (await appendEntries.run(this.#redis, this.#keys(topic), ...args)) as Answer;
        if (answer === "owner_lost") this.#lost(topic, outbox);
        return answer;
      },
      renew: async (unacknowledged) => {
        const begun = await this.#claim(topic, fence, true);
        this.#ring.adopt(topic, fence, begun);
        await this.#ring.append(topic, fence, unacknowledged);
        this.#waiting.wake(topic);
        return begun;
      },
    });
    this.#outboxes.set(topic, { outbox, writtenAt: performance.now() });
  }

  /** Followers here read on from what the new owner writes. */
  #lost(topic: Topic, outbox: Outbox): void {
    if (this.#outboxes.get(topic)?.outbox !== outbox) return;
    this.#release(topic);
    this.#waiting.wake(topic);
  }

  #release(topic: Topic): void {
    this.#outboxes.delete(topic);
    void this.#ring.drop(topic);
  }

  async #read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    const { retentionMs } = this.#options;
    const args = [after?.epoch ?? "", after?.offset ?? 0, limit, Math.ceil(retentionMs)];
    const answer = await readEntries.run(this.#redis, this.#keys(topic), ...args);
    if (!Array.isArray(answer)) {
      if (after === null) return { epoch: "", entries: [], next: { epoch: "", offset: 0 } };
      // A reader of what is gone needs a position to read on from, or it would meet the same gap for ever.
      const next = await this.#claim(topic, "", false);
      return { epoch: next.epoch, entries: [], next, gap: "epoch" };
    }
    const [epoch, head, gap, found] = answer as [string, string, GapReason | "", [string, string[]][]];
    if (gap) return { epoch, entries: [], next: { epoch, offset: Number(head) }, gap };
    const entries = found.map(([id, fields]) => fromFields(id, fields));
    const offset = entries.at(-1)?.offset ?? after?.offset ?? Number(head);
    return { epoch, entries, next: { epoch, offset } };
  }

  /** A follower does not hear that Redis is away: it reads on when Redis is back. */
  async #persist(read: () => Promise<Page>): Promise<Page> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (this.#closed || isRefusal(error)) throw unavailable(error);
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  async #try<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      throw unavailable(error);
    }
  }

  #keys(topic: Topic): TopicKeys {
    // The braces put both keys, and the channel, into one slot of a cluster.
    const meta = `${this.#options.prefix}{${topic}}`;
    return { meta, stream: `${meta}:log` };
  }
}

function connect({ url, failed }: RedisLogOptions): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A command that was cut off is sent again: each step here may come twice.
    autoResendUnfulfilledCommands: true,
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, 1_000),
  });
  redis.on("error", failed);
  return redis;
}

async function withinTime(done: Promise<void>): Promise<void> {
  const late = new AbortController();
  const timeout = sleep(COMMAND_TIMEOUT_MS, "late", { ref: false, signal: late.signal }).catch(() => "in time");
  const first = await Promise.race([done, timeout]);
  late.abort();
  if (first === "late") throw new SluiceError("storage_unavailable");
}

/** An answer of Redis, as against none. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error && error.name === "ReplyError" && !/^(LOADING|BUSY|READONLY|MASTERDOWN)/.test(error.message)
  );
}

function unavailable(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  return new SluiceError("storage_unavailable", undefined, { cause: error });
}
