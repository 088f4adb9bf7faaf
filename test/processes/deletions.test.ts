/** Processes that share Postgres and Redis delete threads: one dies during a deletion, or all sweep at once. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { DIES, deadlyProject, GRAPHS, KEEPS, talk } from "../support/deadly.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";

let shared: SharedServers;
let place: Awaited<ReturnType<typeof deadlyProject>>;
beforeAll(async () => {
  [shared, place] = await Promise.all([startShared(), deadlyProject()]);
});
afterAll(async () => {
  killRest();
  await Promise.all([shared.stop(), place[Symbol.asyncDispose]()]);
});

/** Makes a deployment: a function that starts one more process, and its database. */
async function deployment({ url: REDIS_URL } = shared.redis) {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const where = { DATABASE_URL, REDIS_URL, REDIS_PREFIX };
  return {
    start: (env: Record<string, string> = {}) => serve({ ...where, ...env }, GRAPHS, place.path),
    query: async (sql: string, ...values: unknown[]) => {
      const client = new pg.Client(DATABASE_URL);
      await client.connect();
      try {
        return (await client.query<{ text: string }>(sql, values)).rows.map(({ text }) => text);
      } finally {
        await client.end();
      }
    },
  };
}

type Query = Awaited<ReturnType<typeof deployment>>["query"];

/** Returns the tables that have rows of a thread. */
async function tablesWith(query: Query, threadId: string): Promise<string[]> {
  const found = KEEPS.map((table) => `SELECT '${table}' AS text FROM sluice.${table} WHERE thread_id = $1`);
  return [...new Set(await query(found.join(" UNION ALL "), threadId))];
}

const remove = ({ url }: ServerProcess, threadId: string) => fetch(`${url}/threads/${threadId}`, { method: "DELETE" });
const status = async ({ url }: ServerProcess, threadId: string) => (await fetch(`${url}/threads/${threadId}`)).status;
const stop = ({ url }: ServerProcess, threadId: string) =>
  fetch(`${url}/agui/agent/kept/stop/${threadId}`, { method: "POST" });
const isMarked = (query: Query, threadId: string) =>
  query("SELECT status AS text FROM sluice.runs WHERE thread_id = $1 AND status = 'deleting'", threadId);

// A process is taken for dead after 15 s: the tests wait for that side by side.
describe("processes that share a database", () => {
  it.concurrent("finish a deletion whose process was killed while it erased checkpoints, and start nothing before", async () => {
    const { start, query } = await deployment();
    const [dying, other] = await Promise.all([start(DIES), start()]);
    const [threadId, next] = [await talk(dying.url), await talk(dying.url)];
    await expect(remove(dying, threadId)).rejects.toThrow();
    await dying.kill();
    expect(await isMarked(query, threadId)).toEqual(["deleting"]);
    // A deletion is not a run, so it cannot be cancelled.
    expect((await stop(other, threadId)).status).toBe(404);
    await vi.waitFor(async () => expect(await tablesWith(query, threadId)).toEqual([]), { timeout: 60_000 });
    expect(await status(other, threadId)).toBe(404);
    expect(await status(other, next)).toBe(200);
    expect(await other.stop()).toMatchObject({ code: 0, stderr: "" });
  });

  it.concurrent("finish a deletion whose process was killed while it waited for Redis", async ({ onTestFinished }) => {
    const redis = await startRedis(); // which the other tests do not use
    onTestFinished(() => redis.kill());
    const { start, query } = await deployment(redis);
    const [dying, other] = await Promise.all([start(), start()]);
    const threadId = await talk(dying.url);
    redis.pause();
    const deletion = remove(dying, threadId).catch(() => undefined);
    await vi.waitFor(async () => expect(await tablesWith(query, threadId)).toEqual(["runs"]), { timeout: 60_000 });
    await dying.kill();
    await deletion;
    expect(await isMarked(query, threadId)).toEqual(["deleting"]);
    redis.resume();
    await vi.waitFor(async () => expect(await tablesWith(query, threadId)).toEqual([]), { timeout: 60_000 });
    expect(await status(other, threadId)).toBe(404);
    await other.stop();
  });

  it.concurrent("delete old threads side by side, each once, and leave those that wait or are shared", async () => {
    const { start, query } = await deployment();
    const first = await start();
    const ids = await Promise.all(Array.from({ length: 12 }, () => talk(first.url, ["kept"])));
    const [sharedOne = "", waits = "", ...idle] = ids;
    expect((await fetch(`${first.url}/threads/${sharedOne}/shares`, { method: "POST" })).status).toBe(201);
    await query(`UPDATE sluice.threads SET interrupts = '[{"id":"i","reason":"Go on?"}]' WHERE thread_id = $1`, waits);
    await first.stop();

    const sweeping = { THREAD_RETENTION_DAYS: "0.0000001", LOG_LEVEL: "info" };
    const all = await Promise.all([start(sweeping), start(sweeping), start(sweeping)]);
    const left = () => query("SELECT thread_id AS text FROM sluice.threads");
    await vi.waitFor(async () => expect((await left()).sort()).toEqual([sharedOne, waits].sort()), { timeout: 60_000 });
    const exits = await Promise.all(all.map((process) => process.stop()));
    for (const { code, stdout } of exits) {
      expect(code).toBe(0);
      expect(stdout).not.toContain('"level":50');
    }
    const counts = exits.flatMap(({ stdout }) => [...stdout.matchAll(/"threads":(\d+)/g)].map(([, n]) => Number(n)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(idle.length);
    for (const threadId of idle) expect(await tablesWith(query, threadId)).toEqual([]);
  });
});
