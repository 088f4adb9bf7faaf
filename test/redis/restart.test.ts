/** Events in Redis survive the process: a client continues from its cursor after a restart, without a gap. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openStorage } from "../../src/app/storage.ts";
import { RedisLog } from "../../src/log/redis/redis-log.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const folder = temporaryFolder();
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.kill());

/** Starts a process with the same data and the same Redis. */
async function start(model: SteppedModel): Promise<TestSluice> {
  const limits = { maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };
  const log = new RedisLog({ ...limits, url: redis.url, prefix: "restart:", failed: () => {} });
  await log.ready();
  const { store } = openStorage(folder);
  return startSluice({ chat: { graph: chatGraph(model) } }, {}, { store, log });
}

it("goes on by its cursor after a restart, and the next run follows in the same log", async () => {
  const first = await start(new SteppedModel().say("one ", "two ", "three").end());
  const input = userInput("count");
  const whole = await (await openSse(`${first.url}/agui`, input)).done;
  await first.close();

  const second = await start(new SteppedModel().say("more").end());
  const watch = async (after: string) =>
    watchSse(`${second.url}/threads/${input.threadId}/events`, { "last-event-id": after });
  const ids = whole.flatMap(({ id }) => id ?? []);
  const early = await watch(ids[1] as string);
  const rest = await early.until(hasType("RUN_FINISHED"));
  expect(rest.flatMap(({ id }) => id ?? [])).toEqual(ids.slice(2));
  expect(dataOf(rest)).toEqual(dataOf(whole).slice(2));

  const next = userInput("go on", { threadId: input.threadId });
  await (await openSse(`${second.url}/agui`, next)).done;
  await early.until(({ data }) => data?.includes(next.runId) === true && data.includes("RUN_FINISHED"));
  early.abort();
  const all = early.frames.flatMap(({ id }) => id ?? []);
  const [epoch] = (ids[0] as string).split(":");
  expect(all.every((id) => id.startsWith(`${epoch}:`))).toBe(true);
  expect(new Set(all).size).toBe(all.length);
  expect(eventsOf(dataOf(early.frames)).map(({ type }) => type)).not.toContain("MESSAGES_SNAPSHOT");
  await second.close();
});

it("says that it is not ready, and refuses starts, while Redis is away", async () => {
  const sluice = await start(new SteppedModel().say("hi").end());
  expect((await fetch(`${sluice.url}/readyz`)).status).toBe(200);
  await redis.kill();
  const status = async () => (await (await fetch(`${sluice.url}/readyz`)).json()) as { status: string };
  while ((await status()).status === "ready") await new Promise((resolve) => setImmediate(resolve));
  expect(await status()).toEqual({ status: "storage_unavailable", unavailable: ["redis"] });
  const refused = await fetch(`${sluice.url}/chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: "hi" }),
  });
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ error: { code: "storage_unavailable" } });
  await redis.start();
  while ((await status()).status !== "ready") await new Promise((resolve) => setTimeout(resolve, 20));
  await sluice.close();
});
