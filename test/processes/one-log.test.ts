/** Of processes that share a database but not a log, the later one does not start. Nothing else prevents a start. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { killRest, serve } from "../support/child.ts";
import { LIMITS, type SharedServers, startShared } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";

let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
afterAll(async () => {
  killRest();
  await shared.stop();
});

/** Starts processes of one test, and returns whether each was admitted. They run until the test is over. */
function processes({ onTestFinished }: TestContext, url = shared.redis.url) {
  return async (databaseUrl: string, prefix: string): Promise<boolean> => {
    const log = new RedisLog({ ...LIMITS, url, prefix, failed: () => {} });
    onTestFinished(() => log.close());
    await log.ready();
    const { store, instances } = await openPostgres(databaseUrl, true);
    onTestFinished(() => store.close());
    const agreed = (await instances?.shareLog(log)) === true;
    if (agreed) {
      await instances?.join({ asked: () => {}, orphaned: () => {}, lost: () => {}, failed: () => {} });
      onTestFinished(async () => instances?.leave());
    }
    return agreed;
  };
}

// A process counts as dead after 15 s, and as alive with its next heartbeat. The tests wait for that at the same time.
describe("a process that starts", () => {
  it.concurrent("is refused with one line when others have their events elsewhere", async () => {
    const { databaseUrl: DATABASE_URL, prefix } = await shared.deployment();
    const env = { DATABASE_URL, REDIS_URL: shared.redis.url };
    const first = await serve({ ...env, REDIS_PREFIX: prefix });
    const refused = await serve({ ...env, REDIS_PREFIX: "elsewhere:" }).catch(String);
    expect(refused).toMatch(
      /exited with 1: sluice: REDIS_URL, REDIS_PREFIX: other processes that use this DATABASE_URL keep their events elsewhere\. [^\n]*\n$/,
    );
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    const second = await serve({ ...env, REDIS_PREFIX: prefix });
    await Promise.all([first.stop(), second.stop()]);
    // After a normal stop of the others, a process starts at once.
    await (await serve({ ...env, REDIS_PREFIX: "elsewhere:" })).stop();
  });

  it.concurrent("comes in beside others that start with it, and only those of one log do", async (test) => {
    const process = processes(test);
    const { databaseUrl, prefix } = await shared.deployment();
    const three = await Promise.all([1, 2, 3].map(() => process(databaseUrl, prefix)));
    expect(three).toEqual([true, true, true]);
    const mixed = (await shared.deployment()).databaseUrl;
    const agreed = await Promise.all(["one:", "other:"].map((name) => process(mixed, `${prefix}${name}`)));
    expect(agreed.filter(Boolean)).toHaveLength(1);
  });

  it.concurrent("comes in after Redis lost everything: a process that lives gives the log its name again", async (test) => {
    const server = await startRedis(); // not shared with other tests
    test.onTestFinished(() => server.kill());
    const process = processes(test, server.url);
    const { databaseUrl, prefix } = await shared.deployment();
    expect(await process(databaseUrl, prefix)).toBe(true);
    const redis = new Redis(server.url);
    const before = await redis.get(`${prefix}name`);
    await redis.flushall();
    expect(await process(databaseUrl, prefix)).toBe(true);
    expect(await redis.get(`${prefix}name`)).toBe(before);
    expect(await process(databaseUrl, `${prefix}elsewhere:`)).toBe(false);
    redis.disconnect();
  });

  it.concurrent("waits for processes that died to count as dead, and may have another log then", async (test) => {
    const process = processes(test);
    const { databaseUrl: DATABASE_URL, prefix } = await shared.deployment();
    const died = await serve({ DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX: prefix });
    await died.kill();
    expect(await process(DATABASE_URL, `${prefix}elsewhere:`)).toBe(true);
  });
});
