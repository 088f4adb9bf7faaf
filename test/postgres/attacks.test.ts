/** Postgres cuts connections, hangs, or has no free connection while runs are active. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openPostgres } from "../../src/app/postgres-storage.ts";
import type { Hears } from "../../src/store/instances.ts";
import { PostgresDatabase } from "../../src/store/postgres/database.ts";
import { WaitingStarts } from "../../src/store/postgres/waiting-starts.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Relay, startRelay } from "../support/relay.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { textOf, userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, openSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const DEAF: Hears = { asked: () => {}, orphaned: () => {}, lost: () => {}, failed: () => {} };

const text =
  (part: string) =>
  ({ data }: { data?: string }) =>
    data?.includes(`"delta":"${part}"`) === true;

describe("while a run goes on,", () => {
  let url: string;
  let line: Relay;
  let sluice: TestSluice;
  const model = new SteppedModel();

  async function start() {
    url = await server.database();
    const { port } = new URL(url);
    line = await startRelay(Number(port));
    const { store } = await openPostgres(url.replace(`:${port}/`, `:${line.port}/`));
    sluice = await startSluice({ chat: { graph: chatGraph(model) } }, {}, { store });
  }
  afterEach(async () => {
    line.heal();
    await sluice.close();
    await line.close();
  });

  async function started() {
    const input = userInput("count");
    const reader = await openSse(`${sluice.url}/agui`, input);
    model.say("one ");
    await reader.until(text("one "));
    return { ...input, reader };
  }
  const refusedStart = async () => {
    const body = JSON.stringify({ message: "hi" });
    const headers = { "content-type": "application/json" };
    return fetch(`${sluice.url}/chat`, { method: "POST", headers, body });
  };

  it("Postgres' lines break: its tokens come, starts are refused, and its end is written when they hold", async () => {
    await start();
    const { reader, threadId } = await started();
    line.cut();
    const refused = await refusedStart();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: "storage_unavailable", retryable: true } });
    model.say("two ");
    await reader.until(text("two "));
    line.heal();
    model.say("three").end();
    expect(textOf(eventsOf(dataOf(await reader.done)))).toBe("one two three");
    const thread = await (await fetch(`${sluice.url}/threads/${threadId}`)).json();
    expect(thread).toMatchObject({ lastRun: { outcome: "success" } });
    expect(await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).text()).toContain("one two three");
  });

  it.each(["fast", "immediate"] as const)(
    "Postgres is restarted (%s): its tokens come, starts are refused, and its end is written when it is back",
    async (how) => {
      await start();
      const { reader, threadId } = await started();
      await server.halt(how);
      const refused = await refusedStart();
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ error: { code: "storage_unavailable", retryable: true } });
      model.say("two ");
      await reader.until(text("two "));
      model.say("three").end();
      await reader.until(text("three"));
      await server.start();
      expect(textOf(eventsOf(dataOf(await reader.done)))).toBe("one two three");
      // It is stored with the next attempt.
      const thread = async () => (await fetch(`${sluice.url}/threads/${threadId}`)).json();
      await expect.poll(thread).toMatchObject({ lastRun: { outcome: "success" } });
      expect(await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).text()).toContain("one two three");
    },
  );

  it("every connection waits for a lock: its tokens come, others wait or are refused, and all is well afterwards", async () => {
    await start();
    const { reader } = await started();
    const holder = new pg.Client(url);
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE sluice.threads IN ACCESS EXCLUSIVE MODE");
    const waiting = Array.from({ length: 30 }, () => fetch(`${sluice.url}/threads`));
    const [first] = await Promise.all([Promise.race(waiting), model.say("two ") && reader.until(text("two "))]);
    // The pool has ten connections; the others are refused when they have waited for five seconds.
    expect(first.status).toBe(503);
    await holder.query("ROLLBACK");
    await holder.end();
    const statuses = await Promise.all(waiting.map(async (answer) => (await answer).status));
    expect([...new Set(statuses)].sort()).toEqual([200, 503]);
    model.say("three").end();
    expect(textOf(eventsOf(dataOf(await reader.done)))).toBe("one two three");
  });
});

it("of two transactions that wait for each other one is refused as storage that is not available; the other is written", async () => {
  const database = await PostgresDatabase.open(await server.database());
  await database.script(
    "CREATE TABLE pair (id integer PRIMARY KEY, n integer); INSERT INTO pair VALUES (1, 0), (2, 0)",
  );
  const holds: (() => void)[] = [];
  const both = new Promise<void>((go) => holds.push(go));
  let held = 0;
  const update = (ids: readonly number[]) =>
    database.transaction(async (queries) => {
      await queries.run("UPDATE pair SET n = n + 1 WHERE id = $1", ids[0] ?? 0);
      held += 1;
      if (held === 2) holds[0]?.();
      await both;
      await queries.run("UPDATE pair SET n = n + 1 WHERE id = $1", ids[1] ?? 0);
    });
  const ends = await Promise.allSettled([update([1, 2]), update([2, 1])]);
  const lost = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  expect(lost).toMatchObject([{ code: "storage_unavailable", cause: { code: "40P01" } }]);
  expect(await database.all("SELECT n FROM pair")).toEqual([{ n: 1 }, { n: 1 }]);
  await database.close();
});

it("a start that leaves the queue while Postgres is away is no longer in it when Postgres is back", async () => {
  const url = await server.database();
  const { port } = new URL(url);
  const line = await startRelay(Number(port));
  const { store, instances } = await openPostgres(url.replace(`:${port}/`, `:${line.port}/`), true);
  await instances?.join(DEAF);
  const place = await instances?.enter("t");
  const waits = () => instances?.isAwaited("t").catch(() => undefined);
  expect(await waits()).toBe(true);
  line.cut();
  await place?.leave();
  line.heal();
  await expect.poll(waits).toBe(false);
  await instances?.leave();
  await store.close();
  await line.close();
});

it("a start whose place was stored while the answer was lost is soon no longer in the line", async () => {
  const url = await server.database();
  const { port } = new URL(url);
  const line = await startRelay(Number(port));
  const { store, instances } = await openPostgres(url.replace(`:${port}/`, `:${line.port}/`), true);
  await instances?.join(DEAF);
  const client = new pg.Client(url);
  await client.connect();
  const stored = async () => (await client.query("SELECT 1 FROM sluice.waiting_starts")).rowCount;
  line.silence((asked) => asked.includes("INSERT INTO waiting_starts"));
  const entered = instances?.enter("t").catch((error: unknown) => error);
  await expect.poll(stored).toBe(1);
  line.cut();
  line.heal();
  expect(await entered).toMatchObject({ code: "storage_unavailable" });
  await expect.poll(stored).toBe(0);
  const place = await instances?.enter("t");
  expect(await place?.isFirst()).toBe(true);
  expect(await stored()).toBe(1);
  await client.end();
  await instances?.leave();
  await store.close();
  await line.close();
});

it("a start keeps its place in the line when places that were left are deleted late", async () => {
  const database = await PostgresDatabase.open(await server.database());
  const { all, run } = database;
  let connected: Promise<void> | undefined;
  vi.spyOn(database, "all").mockImplementation(async (...asked) => {
    await connected;
    return all.apply(database, asked);
  });
  vi.spyOn(database, "run").mockImplementation(async (...asked) => {
    await connected;
    return run.apply(database, asked);
  });
  const starts = new WaitingStarts(database, "this");
  const numbers = () => database.all("SELECT number FROM waiting_starts");
  let connect = () => {};
  connected = new Promise((resolve) => {
    connect = resolve;
  });
  const forgotten = starts.forgetLeft();
  connected = undefined;
  const place = await starts.enter("t");
  connect();
  await forgotten;
  expect(await numbers()).toHaveLength(1);
  await place.leave();
  expect(await numbers()).toEqual([]);
  await database.close();
});

it("rows of dead processes that cannot be deleted are reported, once until it works again", async () => {
  const url = await server.database();
  const { store, instances } = await openPostgres(url, true);
  const reports: unknown[] = [];
  const failed = (error: unknown) => void reports.push(error);
  await instances?.join({ asked: () => {}, orphaned: () => {}, lost: () => {}, failed });
  const client = new pg.Client(url);
  await client.connect();
  const breakIt = () => client.query("ALTER TABLE sluice.followers RENAME TO hidden");
  const mend = () => client.query("ALTER TABLE sluice.hidden RENAME TO followers");
  const dead = async () => (await client.query("SELECT 1 FROM sluice.instances WHERE instance = 'dead'")).rowCount;
  // Nothing is deleted before the process has sent heartbeats for 15 s.
  await breakIt();
  await expect.poll(() => reports.length).toBe(1);
  await client.query("INSERT INTO sluice.instances VALUES ('dead', now() - interval '1 hour')");
  // A round that fails deletes this row, and one that works deletes this row's followers.
  await expect.poll(dead).toBe(0);
  await client.query("INSERT INTO sluice.hidden VALUES ('t', 'dead', false)");
  await mend();
  const followers = async () => (await client.query("SELECT 1 FROM sluice.followers")).rowCount;
  await expect.poll(followers).toBe(0);
  expect(reports).toMatchObject([{ code: "storage_unavailable" }]);
  await breakIt();
  await expect.poll(() => reports.length).toBe(2);
  await client.end();
  await instances?.leave();
  await store.close();
});
