/** The log while Redis is attacked through ids, is full, fails over, or cannot be reached by some processes. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { type Topic, threadTopic } from "../../src/protocol/ids.ts";
import { entries, shown } from "../log/entries.ts";
import { pagesOf } from "../log/pages.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { type Relay, startRelay } from "../support/relay.ts";

const LIMITS = { maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };
const PREFIX = "attacks:";

let server: RedisServer;
let direct: Redis;
const ends: (() => unknown)[] = [];
const rejections: unknown[] = [];
const noteRejection = (reason: unknown) => void rejections.push(reason);
beforeAll(async () => {
  process.on("unhandledRejection", noteRejection);
  server = await startRedis();
  direct = new Redis(server.url);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  expect(rejections).toEqual([]);
});
afterAll(async () => {
  process.off("unhandledRejection", noteRejection);
  direct.disconnect();
  await server.kill();
});

async function redisLog(port = server.port): Promise<RedisLog> {
  const url = `redis://127.0.0.1:${port}`;
  const log = new RedisLog({ ...LIMITS, url, prefix: PREFIX, failed: () => {} });
  ends.push(() => log.close());
  await log.ready();
  return log;
}

async function relay(port = server.port): Promise<Relay> {
  const line = await startRelay(port);
  ends.push(() => line.close());
  return line;
}

let topics = 0;
const topicOf = () => threadTopic(`attacked ${++topics}`);

/** Collects what a follower is sent until `enough`: entries as `offset=text`, and gaps. */
async function collect(
  log: RedisLog,
  topic: Topic,
  after: Cursor | null,
  enough: (seen: readonly string[]) => boolean,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const page of pagesOf(log, topic, after, new AbortController().signal)) {
    if (page.gap) seen.push(`gap ${page.gap}`);
    seen.push(...shown(page.entries));
    if (enough(seen)) break;
  }
  return seen;
}

/** Returns the part of a key that decides its cluster slot. */
function slotOf(key: string): string {
  const [, tag] = /\{([^}]+)\}/.exec(key) ?? [];
  return tag ?? key;
}

it("ids with braces, globs and line breaks are names like any other: no other topic is read, written or dropped", async () => {
  const log = await redisLog();
  const odd = [
    "{x}",
    "}{",
    "a}b{c",
    "*",
    "thread:*",
    "[a-z]?",
    "x}:log",
    "x",
    "a\r\nFLUSHALL\r\n",
    "{}",
    "\\",
    "%7Bx%7D",
  ];
  for (const id of odd) {
    await log.claim(threadTopic(id), 1);
    await log.append(threadTopic(id), 1, entries(`of ${id}`));
  }
  await log.close(); // All entries are in Redis now, and nothing is read from memory.
  const other = await redisLog();
  for (const id of odd) {
    const { entries: read } = await other.read(threadTopic(id), null, 10);
    expect(shown(read)).toEqual([`1=of ${id}`]);
  }
  const keys = await direct.keys(`${PREFIX}*`);
  expect(keys).toHaveLength(2 * odd.length);
  for (const key of keys) expect(slotOf(key)).toBe(slotOf(key.replace(/:log$/, "")));
  for (const [dropped, id] of odd.entries()) {
    await other.drop(threadTopic(id));
    expect(await direct.keys(`${PREFIX}*`)).toHaveLength(2 * (odd.length - dropped - 1));
  }
});

it("a Redis that is full keeps what it has: the run's process serves on, and what waited is written when there is room", async () => {
  const [owner, elsewhere] = [await redisLog(), await redisLog()];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  await owner.append(topic, 1, entries("a"));
  const reading = collect(elsewhere, topic, from, (seen) => seen.length === 3);
  await direct.config("SET", "maxmemory-policy", "noeviction");
  await direct.config("SET", "maxmemory", "1");
  try {
    await expect(direct.set(`${PREFIX}one more`, "x")).rejects.toThrow("OOM");
    await owner.append(topic, 1, entries("b"));
    expect(await collect(owner, topic, from, (seen) => seen.length === 2)).toEqual(["1=a", "2=b"]);
    await expect(elsewhere.claim(topicOf(), 1)).rejects.toMatchObject({ code: "storage_unavailable" });
  } finally {
    await direct.config("SET", "maxmemory", "0");
  }
  await owner.append(topic, 1, entries("c"));
  expect(await reading).toEqual(["1=a", "2=b", "3=c"]);
});

it("scripts that Redis has forgotten are sent again", async () => {
  const [owner, elsewhere] = [await redisLog(), await redisLog()];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  for (const text of ["a", "b", "c"]) {
    await direct.script("FLUSH");
    await owner.append(topic, 1, entries(text));
  }
  await direct.script("FLUSH");
  expect(await collect(elsewhere, topic, from, (seen) => seen.length === 3)).toEqual(["1=a", "2=b", "3=c"]);
});

it("an owner that is cut off from Redis serves its own followers, and followers elsewhere read on when it is back", async () => {
  const line = await relay();
  const [owner, elsewhere] = [await redisLog(line.port), await redisLog()];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  await owner.append(topic, 1, entries("a"));
  expect(await collect(elsewhere, topic, from, (seen) => seen.length === 1)).toEqual(["1=a"]);
  const reading = collect(elsewhere, topic, from, (seen) => seen.length === 3);
  await expect.poll(() => owner.size.unwritten).toBe(0);
  line.cut();
  await owner.append(topic, 1, entries("b", "c"));
  expect(await collect(owner, topic, from, (seen) => seen.length === 3)).toEqual(["1=a", "2=b", "3=c"]);
  expect((await elsewhere.head(topic))?.offset).toBe(1);
  expect(owner.size.unwritten).toBe(2);
  line.heal();
  expect(await reading).toEqual(["1=a", "2=b", "3=c"]);
  await expect.poll(() => owner.size.unwritten).toBe(0);
  expect(owner.writes.count).toBe(2);
});

it("a follower that is cut off from Redis reads on without a gap when it is back", async () => {
  const line = await relay();
  const [owner, elsewhere] = [await redisLog(), await redisLog(line.port)];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  await owner.append(topic, 1, entries("a"));
  const reading = collect(elsewhere, topic, from, (seen) => seen.at(-1) === "4=d");
  line.cut();
  await owner.append(topic, 1, entries("b", "c"));
  line.heal();
  await owner.append(topic, 1, entries("d"));
  expect(await reading).toEqual(["1=a", "2=b", "3=c", "4=d"]);
});

it("messages that Redis loses without a sign delay a follower by ten seconds, and no more", async () => {
  const line = await relay();
  const [owner, elsewhere] = [await redisLog(), await redisLog(line.port)];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  await owner.append(topic, 1, entries("a"));
  let seen: readonly string[] = [];
  const reading = collect(elsewhere, topic, from, (all) => {
    seen = all;
    return all.length === 3;
  });
  await expect.poll(() => seen).toEqual(["1=a"]);
  // Its subscriptions stay open but deliver nothing.
  line.silence((asked) => asked.toLowerCase().includes("ssubscribe"));
  const lostAt = performance.now();
  await owner.append(topic, 1, entries("b", "c"));
  expect(await reading).toEqual(["1=a", "2=b", "3=c"]);
  expect(performance.now() - lostAt).toBeLessThan(12_000);
});

it("a log that closes while its subscriptions are being made again leaves no rejection that nobody handles", async () => {
  const line = await relay();
  const log = await redisLog(line.port);
  const topic = topicOf();
  await log.claim(topic, 1);
  log.watch(topic, () => {});
  await expect.poll(() => direct.pubsub("SHARDCHANNELS")).toEqual([`${PREFIX}{${topic}}`]);
  line.cut();
  line.heal();
  let asked = false;
  // The answer to the next subscription is lost.
  line.silence((sent) => {
    const subscribes = sent.toLowerCase().includes("ssubscribe");
    asked ||= subscribes;
    return subscribes;
  });
  await expect.poll(() => asked).toBe(true);
  await log.close();
});

/** Makes a Redis that is replaced by a replica without the last writes. */
async function failover() {
  const [first, second] = [await startRedis(), await startRedis()];
  ends.push(() => second.kill());
  const line = await relay(first.port);
  const [old, next] = [new Redis(first.url), new Redis(second.url)];
  ends.push(() => next.disconnect());
  await next.replicaof("127.0.0.1", first.port);
  await expect.poll(() => next.info("replication")).toContain("master_link_status:up");
  return {
    line,
    /** The replica gets everything written so far, and nothing after that. */
    async stopReplication() {
      await old.set("last", "1"); // WAIT covers only the writes of its own connection.
      await old.wait(1, 5_000);
      await next.replicaof("NO", "ONE");
    },
    async happens() {
      old.disconnect();
      line.leadTo(second.port);
      await first.kill();
    },
  };
}

it("a failover that loses the end while a run writes is put right by its owner, entry by entry", async () => {
  const { line, stopReplication, happens } = await failover();
  const [owner, elsewhere] = [await redisLog(line.port), await redisLog(line.port)];
  const topic = topicOf();
  const from = await owner.claim(topic, 1);
  await owner.append(topic, 1, entries("a"));
  await collect(elsewhere, topic, from, (seen) => seen.length === 1);
  await stopReplication();
  await owner.append(topic, 1, entries("b", "c"));
  expect(await collect(elsewhere, topic, from, (seen) => seen.length === 3)).toEqual(["1=a", "2=b", "3=c"]);
  await happens();
  await owner.append(topic, 1, entries("d"));
  await owner.settled(topic);
  const all = ["1=a", "2=b", "3=c", "4=d"];
  expect(await collect(elsewhere, topic, { ...from, offset: 3 }, (seen) => seen.length === 1)).toEqual(["4=d"]);
  expect(await collect(elsewhere, topic, null, (seen) => seen.length === all.length)).toEqual(all);
});

it("a failover that loses the end of a thread at rest reuses none of its positions for the next run", async () => {
  const { line, stopReplication, happens } = await failover();
  const first = await redisLog(line.port);
  const topic = topicOf();
  const from = await first.claim(topic, 1);
  await first.append(topic, 1, entries("a"));
  await stopReplication();
  const read = await first.append(topic, 1, entries("lost"));
  await first.close();
  await happens();
  // Another process, which does not know of the loss.
  const second = await redisLog(line.port);
  await second.claim(topic, 2);
  await second.append(topic, 2, entries("other"));
  await second.append(topic, 2, entries("more"));
  expect(read).toEqual({ ...from, offset: 2 });
  const [gap, ...rest] = await collect(second, topic, read, (seen) => seen.length > 0);
  expect([gap, ...rest]).toEqual(["gap epoch"]);
});
