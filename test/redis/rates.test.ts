/** Limits per minute that several processes share through Redis, also while Redis is down. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSharedRates, type SharedRates } from "../../src/app/shared-rates.ts";
import { readSettings } from "../../src/config/settings.ts";
import type { Rate } from "../../src/limits/rate.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { startSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.kill());

/** Opens the rates as each process does. A prefix stands for one deployment. */
async function open(prefix: string): Promise<SharedRates> {
  const shared = await openSharedRates(readSettings({ REDIS_URL: redis.url, REDIS_PREFIX: prefix }));
  if (!shared) throw new Error("REDIS_URL was not used.");
  return shared;
}

async function twoProcesses(prefix: string, times: number): Promise<{ here: Rate; there: Rate; close(): void }> {
  const [one, other] = [await open(prefix), await open(prefix)];
  return {
    here: one.rates("RUNS", times),
    there: other.rates("RUNS", times),
    close() {
      one.close();
      other.close();
    },
  };
}

async function taken(rate: Rate, key: string, times: number): Promise<(number | undefined)[]> {
  const answers: (number | undefined)[] = [];
  for (let time = 0; time < times; time += 1) answers.push(await rate.take(key));
  return answers;
}

it("counts without Redis when none is named", async () => {
  expect(await openSharedRates(readSettings({}))).toBeUndefined();
});

it("two processes count together; other clients, limits and deployments have numbers of their own", async () => {
  const { here, there, close } = await twoProcesses("together:", 2);
  const other = await open("other:");
  expect([await here.take("ann"), await there.take("ann")]).toEqual([undefined, undefined]);
  for (const rate of [here, there]) {
    const seconds = await rate.take("ann");
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await rate.ask("ann")).toBeGreaterThan(0);
  }
  expect(await there.take("ben")).toBeUndefined();
  expect(await other.rates("RUNS", 2).take("ann")).toBeUndefined();
  expect(await other.rates("SIGN_INS", 2).ask("ann")).toBeUndefined();
  other.close();
  close();
});

it("a server refuses what a client has already started on another", async () => {
  const graph = chatGraph(new SteppedModel({ always: ["hi"] }));
  const env = { TRUST_PROXY: "1", MAX_RUNS_PER_MINUTE: "1" };
  const start = async () => startSluice({ it: { graph } }, env, { shared: await open("servers:") });
  const [one, other] = [await start(), await start()];
  const ask = (url: string) =>
    fetch(`${url}/agui`, {
      method: "POST",
      headers: { "X-Forwarded-For": "203.0.113.1", "Content-Type": "application/json" },
      body: JSON.stringify(userInput("hi")),
    });
  expect(await (await ask(one.url)).text()).toContain("RUN_FINISHED");
  const refused = await ask(other.url);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await one.close();
  await other.close();
});

it("each process counts alone while Redis hangs, keeps nobody waiting for it, and shares again afterwards", async () => {
  const { here, there, close } = await twoProcesses("hanging:", 3);
  expect(await here.take("before")).toBeUndefined();
  redis.pause();
  const from = performance.now();
  // Both kinds of commands time out, and are answered from memory.
  expect(await Promise.all([here.take("ann"), here.ask("ann")])).toEqual([undefined, undefined]);
  const answers = await taken(here, "ann", 3);
  expect(answers.slice(0, 2)).toEqual([undefined, undefined]);
  expect(answers[2]).toBeGreaterThan(0);
  expect(await here.ask("ann")).toBeGreaterThan(0);
  expect(performance.now() - from).toBeLessThan(5_000);
  expect(await there.take("ann")).toBeUndefined();
  redis.resume();
  await sharing(here, there);
  close();
});

it("and while Redis is gone: refusals still come, and at once", async () => {
  const { here, there, close } = await twoProcesses("gone:", 1);
  await redis.kill();
  expect(await here.take("ann")).toBeUndefined();
  expect(await here.take("ann")).toBeGreaterThan(0);
  expect(await here.ask("ann")).toBeGreaterThan(0);
  await redis.start();
  await sharing(here, there);
  close();
});

/** Resolves when both processes share their counts again. Otherwise the test times out. */
async function sharing(here: Rate, there: Rate): Promise<void> {
  for (let round = 0; ; round += 1) {
    const key = `round ${round}`;
    while ((await here.take(key)) === undefined);
    if ((await there.ask(key)) !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
