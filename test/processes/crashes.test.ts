/** Real processes that share Postgres and Redis, and are killed at points where a part of their work is stored. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Message } from "../../src/protocol/events.ts";
import { killRest, project, type ServerProcess, serve } from "../support/child.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { postRun, userInput } from "../support/sse-client.ts";

let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
afterAll(async () => {
  killRest();
  await shared.stop();
});

/**
 * The first step of the graph, or of the graph inside it, waits for the test. The second one kills its process where
 * `DIES` is set, at its very beginning: the memory of the first step is stored.
 */
const GRAPH = `
  import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  const said = (content) => ({ messages: [{ role: "assistant", id: crypto.randomUUID(), content }] });
  const two = () =>
    new StateGraph(MessagesAnnotation)
      .addNode("first", async () => {
        await fetch(process.env.GATE);
        return said("first");
      })
      .addNode("second", () => {
        if (process.env.DIES) process.kill(process.pid, "SIGKILL");
        return said("second");
      })
      .addEdge(START, "first")
      .addEdge("first", "second")
      .addEdge("second", END);
  export const flat = two().compile();
  export const nested = new StateGraph(MessagesAnnotation)
    .addNode("inner", two().compile())
    .addEdge(START, "inner")
    .addEdge("inner", END)
    .compile();
`;

/** Holds requests until `open` is called. */
async function gate() {
  const held: ServerResponse[] = [];
  let isOpen = false;
  let arrived = () => {};
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer((_, response) => {
    if (isOpen) response.end();
    else held.push(response);
    arrived();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reached,
    open: () => {
      isOpen = true;
      for (const response of held) response.end();
    },
    close: () => server.close(),
  };
}

const messagesOf = async ({ url }: ServerProcess, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
const contents = (messages: readonly Message[]) => messages.map(({ content }) => content);

/** Starts two processes, and a run in the first one whose first step waits for `first`. */
async function twoProcesses(agent: string, env: Record<string, string> = {}) {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const folder = await project({
    "graph.mjs": GRAPH,
    "config/agents.json": JSON.stringify({ agents: { [agent]: { graph: `../graph.mjs:${agent}`, recover: true } } }),
  });
  const first = await gate();
  const start = (more: Record<string, string> = {}) =>
    serve({ DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX, GATE: first.url, ...more }, [], folder.path);
  const [dying, other] = await Promise.all([start(env), start()]);
  const input = userInput("hello");
  const run = postRun(dying.url, input).then(({ done }) => done);
  run.catch(() => {}); // Its process dies.
  await first.reached;
  const follower = followThread(other.url, input.threadId);
  const [lock, watch] = [new pg.Client(DATABASE_URL), new pg.Client(DATABASE_URL)];
  await Promise.all([lock.connect(), watch.connect()]);
  return {
    dying,
    first,
    lock,
    watch,
    /** Resolves when a statement like this one waits for a lock. */
    waits: (statement: string) =>
      expect
        .poll(async () => {
          const { rowCount } = await watch.query(
            `SELECT 1 FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE $1 AND wait_event_type = 'Lock'`,
            [statement],
          );
          return rowCount;
        })
        .toBeGreaterThan(0),
    /** The contents of the messages in the end, as a follower and the other process have them. */
    async end() {
      await follower.until(endOf(input.runId));
      return [contents(follower.messages), contents(await messagesOf(other, input.threadId))];
    },
    async [Symbol.asyncDispose]() {
      follower.close();
      first.close();
      await Promise.all([lock.end(), watch.end(), other.stop()]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

const ALL = ["hello", "first", "second"];

// A process counts as dead after 15 s. The tests wait for that at the same time.
it.concurrent.each(["flat", "nested"])("a message that a %s graph remembers is never lost", async (agent) => {
  await using two = await twoProcesses(agent, { DIES: "1" });
  // A shared lock lets checkpoints through, but not the transcript, until the transcript was seen to wait.
  await two.lock.query("BEGIN; SELECT 1 FROM sluice.runs FOR SHARE");
  two.first.open();
  await two.waits("UPDATE runs SET so_far%");
  // While the transcript waits, the graph remembers its input alone.
  const remembered = async () =>
    Number((await two.watch.query("SELECT count(*) FROM sluice.checkpoint_writes")).rows[0].count);
  const before = await remembered();
  for (let look = 0; look < 200; look += 1) expect(await remembered()).toBe(before);
  await two.lock.query("COMMIT");
  expect(await two.end()).toEqual([ALL, ALL]);
});

it.concurrent.each([
  ["nested", "checkpoint_writes"],
  ["flat", "checkpoints"],
])("a stored message of a %s graph whose step is missing in %s comes once", async (agent, table) => {
  await using two = await twoProcesses(agent);
  await two.lock.query(`BEGIN; LOCK TABLE sluice.${table} IN SHARE MODE`);
  two.first.open();
  await two.waits(`INSERT INTO ${table}%`);
  const stored = await two.watch.query("SELECT 1 FROM sluice.messages WHERE message LIKE '%first%'");
  expect(stored.rowCount).toBe(1);
  await two.dying.kill();
  await two.lock.query("ROLLBACK");
  expect(await two.end()).toEqual([ALL, ALL]);
});
