/** The topics as Redis holds them, with all acknowledged entries. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Cursor, Fence } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Topic } from "../../protocol/ids.ts";
import type { GapReason, KeptPosition, LogEntry, Page } from "../log.ts";
import type { MemoryLogLimits } from "../memory.ts";
import { attempt, isRefusal, type RedisOptions } from "./connection.ts";
import { fromFields, toFields } from "./entry.ts";
import type { Answer } from "./outbox.ts";
import {
  appendEntries,
  claimTopic,
  dropTopic,
  gatherEntries,
  keepPosition,
  raiseFloor,
  readEntries,
  restoreTopic,
  type TopicKeys,
} from "./scripts.ts";

const RETRY_MS = 200;

/** The most entries of one script call. Redis serves no other client during the call. */
const GATHERED = 512;

/** Unless they say otherwise, the methods throw SluiceError `storage_unavailable` when Redis does not answer. */
export class RedisTopics {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #limits: MemoryLogLimits;

  constructor(redis: Redis, { prefix, ...limits }: RedisOptions & MemoryLogLimits) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#limits = limits;
  }

  keys(topic: Topic): TopicKeys {
    // The braces put all keys, and the channel, into one slot of a cluster.
    const meta = `${this.#prefix}{${topic}}`;
    return { meta, stream: `${meta}:log`, restored: `${meta}:restored` };
  }

  /** The name of the log. With `name`, a log without a name gets it. */
  async name(name?: string): Promise<string | undefined> {
    const key = `${this.#prefix}name`;
    const before = await attempt(() =>
      name === undefined ? this.#redis.get(key) : this.#redis.set(key, name, "NX", "GET"),
    );
    return before ?? name;
  }

  /** Without a fence a reader opens the topic. @throws SluiceError `owner_lost` as well. */
  async claim(topic: Topic, fence: Fence | "", anew: boolean): Promise<Cursor> {
    const args = [fence, anew ? "1" : "0", randomBytes(6).toString("hex"), this.#ttl] as const;
    const answer = await attempt(() => claimTopic.run(this.#redis, this.keys(topic), ...args));
    if (!Array.isArray(answer)) throw new SluiceError("owner_lost");
    return { epoch: String(answer[0]), offset: Number(answer[1]) };
  }

  async append(topic: Topic, fence: Fence, after: Cursor, fields: readonly string[]): Promise<Answer> {
    const { maxEvents, maxBytes } = this.#limits;
    const args = [fence, after.epoch, after.offset, this.#ttl, maxEvents, maxBytes, ...fields];
    return (await attempt(() => appendEntries.run(this.#redis, this.keys(topic), ...args))) as Answer;
  }

  /**
   * Puts a topic back that Redis lost, up to a position, with the entries that its owner still has. They are the same
   * under the same positions, so readers notice nothing. @throws SluiceError `owner_lost` as well.
   */
  async restore(
    topic: Topic,
    fence: Fence,
    { epoch, offset: head }: Cursor,
    entries: readonly LogEntry[],
  ): Promise<void> {
    const keys = this.keys(topic);
    let bytes = 0;
    for (let at = 0; at < entries.length; at += GATHERED) {
      const some = entries.slice(at, at + GATHERED);
      const args = [at === 0 ? "1" : "0", this.#ttl, (some[0]?.offset ?? 1) - 1, ...some.flatMap(toFields)];
      await attempt(() => gatherEntries.run(this.#redis, keys, ...args));
      bytes += some.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0);
    }
    const answer = await attempt(() => restoreTopic.run(this.#redis, keys, fence, epoch, head, bytes, this.#ttl));
    if (answer === "owner_lost") throw new SluiceError("owner_lost");
  }

  /** Waits while Redis is away. The follower does not notice it, and continues when Redis is back. */
  async read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    for (;;) {
      try {
        return await this.#read(topic, after, limit);
      } catch (error) {
        if (this.#redis.status === "end" || isRefusal(error)) {
          throw new SluiceError("storage_unavailable", undefined, { cause: error });
        }
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  async head(topic: Topic): Promise<Cursor | undefined> {
    const [epoch, offset] = await attempt(() => this.#redis.hmget(this.keys(topic).meta, "epoch", "head"));
    return epoch ? { epoch, offset: Number(offset) } : undefined;
  }

  async raiseFloor(topic: Topic, { epoch, offset }: Cursor): Promise<void> {
    await attempt(() => raiseFloor.run(this.#redis, this.keys(topic), epoch, offset));
  }

  async mayBegin(topic: Topic, { epoch, offset }: Cursor): Promise<boolean> {
    const [known, floor] = await attempt(() => this.#redis.hmget(this.keys(topic).meta, "epoch", "floor"));
    return known !== epoch || offset >= Number(floor);
  }

  async keepPosition(topic: Topic, fence: Fence, { cursor, text }: KeptPosition): Promise<void> {
    const args = [fence, cursor.epoch, cursor.offset, text];
    await attempt(() => keepPosition.run(this.#redis, this.keys(topic), ...args));
  }

  async keptPosition(topic: Topic): Promise<KeptPosition | undefined> {
    const [epoch, offset, text] = await attempt(() =>
      this.#redis.hmget(this.keys(topic).meta, "epoch", "kept_at", "kept"),
    );
    return epoch && text ? { cursor: { epoch, offset: Number(offset) }, text } : undefined;
  }

  async drop(topic: Topic): Promise<void> {
    await attempt(() => dropTopic.run(this.#redis, this.keys(topic)));
  }

  async #read(topic: Topic, after: Cursor | null, limit: number): Promise<Page> {
    const args = [after?.epoch ?? "", after?.offset ?? 0, limit, this.#ttl];
    const answer = await readEntries.run(this.#redis, this.keys(topic), ...args);
    if (!Array.isArray(answer)) {
      if (after === null) return { epoch: "", entries: [], next: { epoch: "", offset: 0 } };
      // A reader of a lost topic needs a position to continue from. Otherwise it would meet the same gap again and
      // again.
      const next = await this.claim(topic, "", false);
      return { epoch: next.epoch, entries: [], next, gap: "epoch" };
    }
    const [epoch, head, gap, found] = answer as [string, string, GapReason | "", [string, string[]][]];
    if (gap) return { epoch, entries: [], next: { epoch, offset: Number(head) }, gap };
    const entries = found.map(([id, fields]) => fromFields(id, fields));
    const offset = entries.at(-1)?.offset ?? after?.offset ?? Number(head);
    return { epoch, entries, next: { epoch, offset } };
  }

  get #ttl(): number {
    return Math.ceil(this.#limits.retentionMs);
  }
}
