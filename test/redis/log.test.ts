import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NotShared } from "../../src/log/log.ts";
import { RedisLog, type RedisLogOptions } from "../../src/log/redis/redis-log.ts";
import { appendEntries, claimTopic } from "../../src/log/redis/scripts.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { type Topic, threadTopic } from "../../src/protocol/ids.ts";
import { eventLogContract } from "../log/contract.ts";
import { entries, shown } from "../log/entries.ts";
import { pagesOf } from "../log/pages.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";

const LIMITS = { maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };

describe("with a Redis server", () => {
  let server: RedisServer;
  const opened: RedisLog[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
    await server.kill();
  });

  async function redisLog(options: Partial<RedisLogOptions> = {}): Promise<RedisLog> {
    const log = new RedisLog({ ...LIMITS, url: server.url, prefix: "test:", failed: () => {}, ...options });
    opened.push(log);
    await log.ready();
    return log;
  }

  eventLogContract("Redis", (maxEvents) => redisLog({ maxEvents }), { numRuns: 30 });

  const topicOf = (() => {
    let count = 0;
    return () => threadTopic(`of its own ${++count}`);
  })();

  /** Collects the entries that a follower is sent until `enough`. */
  async function collect(log: RedisLog, topic: Topic, after: Cursor | null, enough: (seen: string[]) => boolean) {
    const seen: string[] = [];
    for await (const page of pagesOf(log, topic, after, new AbortController().signal)) {
      if (page.gap) seen.push(`gap ${page.gap}`);
      seen.push(...shown(page.entries));
      if (enough(seen)) break;
    }
    return seen;
  }

  it("gives a follower in another process all that its owner writes, as it comes", async () => {
    const [owner, elsewhere] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    const from = await owner.claim(topic, 1);
    const reading = collect(elsewhere, topic, from, (seen) => seen.length === 300);
    for (let n = 1; n <= 300; n += 1) await owner.append(topic, 1, entries(String(n)));
    expect(await reading).toEqual(Array.from({ length: 300 }, (_, n) => `${n + 1}=${n + 1}`));
  });

  it("reads what its own process wrote without asking Redis", async () => {
    const log = await redisLog();
    const topic = topicOf();
    const from = await log.claim(topic, 1);
    server.pause();
    try {
      await log.append(topic, 1, entries("a", "b"));
      expect(shown((await log.read(topic, from, 10)).entries)).toEqual(["1=a", "2=b"]);
    } finally {
      server.resume();
    }
    const elsewhere = await redisLog();
    expect(await collect(elsewhere, topic, from, (seen) => seen.length === 2)).toEqual(["1=a", "2=b"]);
  });

  it("knows the end of a topic that it wrote, and that another process wrote to since, though nobody follows it here", async () => {
    const [first, second] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    const from = await first.claim(topic, 1);
    await first.append(topic, 1, entries("a"));
    await first.settled(topic);
    await second.claim(topic, 2);
    const head = await second.append(topic, 2, entries("b", "c"));
    await second.settled(topic);
    await expect.poll(() => first.head(topic), { interval: 1 }).toEqual(head);
    expect(shown((await first.read(topic, from, 10)).entries)).toEqual(["1=a", "2=b", "3=c"]);
  });

  it("gives all of a topic when the memory for all topics together is full", async () => {
    const log = await redisLog({ maxTotalBytes: 20 });
    const [topic, another] = [topicOf(), topicOf()];
    const from = await log.claim(topic, 1);
    for (let n = 1; n <= 10; n += 1) {
      await log.append(topic, 1, entries(`${n}`.repeat(8)));
      await log.append(another, 1, entries("x".repeat(15)));
    }
    const seen = await collect(log, topic, from, (all) => all.length === 10);
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `${n + 1}=${`${n + 1}`.repeat(8)}`));
  });

  it("keeps a replaced owner out, and its followers read on from the new owner", async () => {
    const [old, next] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    const from = await old.claim(topic, 1);
    await old.append(topic, 1, entries("a"));
    const reading = collect(old, topic, from, (seen) => seen.includes("gap epoch"));
    await next.claim(topic, 2, true);
    await next.append(topic, 2, entries("new"));
    await old.append(topic, 1, entries("stale")).catch(() => {});
    await expect(old.claim(topic, 1)).rejects.toMatchObject({ code: "owner_lost" });
    expect((await reading).at(-1)).toBe("gap epoch");
    for (const log of [old, next]) expect(await collect(log, topic, null, () => true)).toEqual(["1=new"]);
  });

  it("goes on in the same epoch when a topic is handed over", async () => {
    const [old, next] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    const from = await old.claim(topic, 1);
    await old.append(topic, 1, entries("a"));
    await old.close();
    expect(await next.claim(topic, 2)).toEqual({ ...from, offset: 1 });
    await next.append(topic, 2, entries("b"));
    expect(await collect(next, topic, from, (seen) => seen.length === 2)).toEqual(["1=a", "2=b"]);
  });

  it("puts a topic back that Redis lost while it is written: nobody misses an entry, or has one twice", async () => {
    const [owner, elsewhere] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    const from = await owner.claim(topic, 1);
    const many = Array.from({ length: 1_200 }, (_, n) => String(n));
    await owner.append(topic, 1, entries(...many));
    await owner.settled(topic);
    await flushAll();
    await owner.append(topic, 1, entries("last"));
    await owner.settled(topic);
    const all = [...many, "last"].map((json, n) => `${n + 1}=${json}`);
    for (const log of [owner, elsewhere]) {
      expect(await collect(log, topic, from, (seen) => seen.length >= all.length)).toEqual(all);
    }
    // An owner without new entries notices it too, when a reader opens the topic or at its next check.
    await flushAll();
    await owner.sweep();
    await owner.settled(topic);
    expect(await elsewhere.head(topic)).toEqual({ ...from, offset: all.length });
  });

  it("keeps a position for readers in other processes, after the entries up to it, and again when Redis lost it", async () => {
    const [owner, elsewhere] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    await owner.claim(topic, 1);
    const cursor = await owner.append(topic, 1, entries("a", "b"));
    owner.keepPosition(topic, 1, { cursor, text: "so far: a, b" });
    await owner.settled(topic);
    expect(await elsewhere.keptPosition(topic)).toEqual({ cursor, text: "so far: a, b" });
    await flushAll();
    expect(await elsewhere.keptPosition(topic)).toBeUndefined();
    await owner.append(topic, 1, entries("c"));
    await owner.settled(topic);
    expect(await elsewhere.keptPosition(topic)).toEqual({ cursor, text: "so far: a, b" });
    await elsewhere.claim(topic, 2, true);
    expect(await elsewhere.keptPosition(topic)).toBeUndefined();
  });

  it("reports the position of entries that Redis does not take, which are here nevertheless", async () => {
    const log = await redisLog();
    const topic = topicOf();
    const from = await log.claim(topic, 1);
    await log.append(topic, 1, entries("a"));
    await log.close();
    const large = "b".repeat(5 * 1024 * 1024);
    const error = await Promise.resolve(log.append(topic, 1, entries(large))).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotShared);
    expect(error).toMatchObject({ code: "storage_unavailable", cursor: { ...from, offset: 2 } });
    expect((await log.read(topic, from, 10)).entries.map(({ json }) => json)).toEqual(["a", large]);
  });

  it("keeps a replaced owner from putting a topic back", async () => {
    const [old, next] = await Promise.all([redisLog(), redisLog()]);
    const topic = topicOf();
    await old.claim(topic, 1);
    await old.append(topic, 1, entries("old"));
    await old.settled(topic);
    await flushAll();
    await next.claim(topic, 2, true);
    await next.append(topic, 2, entries("new"));
    await next.settled(topic);
    await old.sweep();
    await old.settled(topic);
    for (const log of [old, next]) expect(await collect(log, topic, null, () => true)).toEqual(["1=new"]);
  });

  it("says a gap where neither Redis nor the owner's memory has the entries any more, and goes on in the same epoch", async () => {
    const [owner, elsewhere] = await Promise.all([redisLog({ maxTotalBytes: 2 }), redisLog()]);
    const topic = topicOf();
    const from = await owner.claim(topic, 1);
    await owner.append(topic, 1, entries("a", "b"));
    await owner.settled(topic);
    await flushAll();
    await owner.append(topicOf(), 1, entries("another topic"));
    await owner.append(topic, 1, entries("c"));
    await owner.settled(topic);
    for (const log of [owner, elsewhere]) {
      expect(await collect(log, topic, { ...from, offset: 2 }, () => true)).toEqual(["3=c"]);
      expect(await collect(log, topic, from, () => true)).toEqual(["gap window"]);
    }
  });

  it("writes what waited when Redis comes back, and followers elsewhere catch up", async () => {
    const own = await startRedis();
    const [owner, elsewhere] = await Promise.all([redisLog({ url: own.url }), redisLog({ url: own.url })]);
    const topic = topicOf();
    const from = await owner.claim(topic, 1);
    await owner.append(topic, 1, entries("a"));
    const reading = collect(elsewhere, topic, from, (seen) => seen.includes("3=c") || seen.includes("gap epoch"));
    const here = collect(owner, topic, from, (seen) => seen.includes("3=c"));
    await own.kill();
    await owner.append(topic, 1, entries("b"));
    await owner.append(topic, 1, entries("c"));
    // Followers in the owner's process notice nothing while Redis is down.
    expect(await here).toEqual(["1=a", "2=b", "3=c"]);
    await own.start();
    // Redis is empty after the restart. A reader that reads before the owner writes its entries again gets a gap.
    await reading;
    await owner.settled(topic);
    const left = await collect(elsewhere, topic, null, (seen) => seen.includes("3=c"));
    expect(left).toEqual(["1=a", "2=b", "3=c"]);
    await Promise.all([owner.close(), elsewhere.close()]);
    await own.kill();
  });

  it("takes an append that came twice once, and no other entries in its place", async () => {
    const redis = new Redis(server.url);
    const keys = { meta: "repeat:{t}", stream: "repeat:{t}:log", restored: "repeat:{t}:restored" };
    await claimTopic.run(redis, keys, 1, "0", "e", 60_000);
    const append = (after: number, ...fields: string[]) =>
      appendEntries.run(redis, keys, 1, "e", after, 60_000, 100, 1e6, ...fields);
    expect(await append(0, "of", "a", "of", "b")).toBe("ok");
    expect(await append(0, "of", "a", "of", "b")).toBe("ok");
    expect(await append(0, "of", "a", "of", "b", "of", "c")).toBe("ok");
    expect(await redis.xlen(keys.stream)).toBe(3);
    expect(await append(2, "of", "other")).toBe("differs");
    expect(await append(5, "of", "d")).toBe("epoch_lost");
    redis.disconnect();
  });

  it("wrong address or password: says so", async () => {
    const nowhere = new RedisLog({ ...LIMITS, url: "redis://127.0.0.1:1", prefix: "", failed: () => {} });
    await expect(nowhere.ready()).rejects.toThrow(/ECONNREFUSED/);
    await nowhere.close();
  });

  async function flushAll(): Promise<void> {
    const redis = new Redis(server.url);
    await redis.flushall();
    redis.disconnect();
  }
});
