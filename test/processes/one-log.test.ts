/** Processes that share a database and not a log: the later one does not start, and nothing else keeps one from starting. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openPostgres } from "../../src/app/storage.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { killRest, serve } from "../support/child.ts";
import { LIMITS, type SharedServers, startShared } from "../support/processes.ts";

// A process counts as dead after 15 s.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(async () => {
  killRest();
  await shared.stop();
});

/** A process's part in the agreement: it has come in, and lives until the test is over. */
async function process(databaseUrl: string, prefix: string): Promise<boolean> {
  const log = new RedisLog({ ...LIMITS, url: shared.redis.url, prefix, failed: () => {} });
  await log.ready();
  const { store, instances } = await openPostgres(databaseUrl, true);
  closers.push(
    () => store.close(),
    () => log.close(),
  );
  const agreed = (await instances?.shareLog(log)) === true;
  if (agreed) {
    await instances?.join({ asked: () => {}, orphaned: () => {}, lost: () => {} });
    closers.push(async () => instances?.leave());
  }
  return agreed;
}

describe("a process that starts", () => {
  it("is refused with one line when others have their events elsewhere", async () => {
    const { databaseUrl: DATABASE_URL, prefix } = await shared.deployment();
    const env = { DATABASE_URL, REDIS_URL: shared.redis.url };
    const first = await serve({ ...env, REDIS_PREFIX: prefix });
    const refused = await serve({ ...env, REDIS_PREFIX: "elsewhere:" }).catch(String);
    expect(refused).toMatch(
      /exited with 1: sluice: REDIS_URL, REDIS_PREFIX: processes that use this DATABASE_URL have their events elsewhere\. [^\n]*\n$/,
    );
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    const second = await serve({ ...env, REDIS_PREFIX: prefix });
    await Promise.all([first.stop(), second.stop()]);
    // Nothing waits for processes that left in good order.
    await (await serve({ ...env, REDIS_PREFIX: "elsewhere:" })).stop();
  });

  it("comes in beside others that start with it, and only those of one log do", async () => {
    const { databaseUrl, prefix } = await shared.deployment();
    const three = await Promise.all([1, 2, 3].map(() => process(databaseUrl, prefix)));
    expect(three).toEqual([true, true, true]);
    const mixed = (await shared.deployment()).databaseUrl;
    const agreed = await Promise.all(["one:", "other:"].map((name) => process(mixed, `${prefix}${name}`)));
    expect(agreed.filter(Boolean)).toHaveLength(1);
  });

  it("comes in after Redis lost everything: a process that lives gives the log its name again", async () => {
    const { databaseUrl, prefix } = await shared.deployment();
    expect(await process(databaseUrl, prefix)).toBe(true);
    const redis = new Redis(shared.redis.url);
    const before = await redis.get(`${prefix}name`);
    await redis.flushall();
    expect(await process(databaseUrl, prefix)).toBe(true);
    expect(await redis.get(`${prefix}name`)).toBe(before);
    expect(await process(databaseUrl, `${prefix}elsewhere:`)).toBe(false);
    redis.disconnect();
  });

  it("waits for processes that died to count as dead, and may have another log then", async () => {
    const { databaseUrl: DATABASE_URL, prefix } = await shared.deployment();
    const died = await serve({ DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX: prefix });
    await died.kill();
    expect(await process(DATABASE_URL, `${prefix}elsewhere:`)).toBe(true);
  });
});
