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
  const said = (id) => ({ messages: [{ role: "assistant", id, content: id }] });
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

/** Holds each request until `open` is called. */
async function gate() {
  const held: ServerResponse[] = [];
  let arrived = () => {};
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer((_, response) => {
    held.push(response);
    arrived();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reached,
    open: () => {
      for (const response of held) response.end();
    },
    close: () => server.close(),
  };
}

const messagesOf = async ({ url }: ServerProcess, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
const contents = (messages: readonly Message[]) => messages.map(({ content }) => content);

// A process counts as dead after 15 s. The tests wait for that at the same time.
it.concurrent.each(["flat", "nested"])("a message that a %s graph remembers is never lost", async (agent) => {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  await using folder = await project({
    "graph.mjs": GRAPH,
    "config/agents.json": JSON.stringify({ agents: { [agent]: { graph: `../graph.mjs:${agent}`, recover: true } } }),
  });
  const first = await gate();
  const env = { DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX, GATE: first.url };
  const start = (more: Record<string, string> = {}) => serve({ ...env, ...more }, [], folder.path);
  const [dying, other] = await Promise.all([start({ DIES: "1" }), start()]);
  const input = userInput("hello");
  const run = postRun(dying.url, input).then(({ done }) => done);
  run.catch(() => {}); // Its process dies.
  await first.reached;
  const follower = followThread(other.url, input.threadId);

  // A shared lock lets checkpoints through, but not the transcript, until the transcript was seen to wait.
  const [lock, watch] = [new pg.Client(DATABASE_URL), new pg.Client(DATABASE_URL)];
  await Promise.all([lock.connect(), watch.connect()]);
  await lock.query("BEGIN; SELECT 1 FROM sluice.runs FOR SHARE");
  first.open();
  const waiting = `SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%FOR UPDATE' AND wait_event_type = 'Lock'`;
  await expect.poll(async () => (await watch.query(waiting)).rowCount).toBe(1);
  // While the transcript waits, the graph remembers its input alone.
  const remembered = async () =>
    Number((await watch.query("SELECT count(*) FROM sluice.checkpoint_writes")).rows[0].count);
  const before = await remembered();
  for (let look = 0; look < 200; look += 1) expect(await remembered()).toBe(before);
  await lock.query("COMMIT");
  await Promise.all([lock.end(), watch.end()]);

  await follower.until(endOf(input.runId));
  expect(contents(follower.messages)).toEqual(["hello", "first", "second"]);
  expect(contents(await messagesOf(other, input.threadId))).toEqual(["hello", "first", "second"]);
  follower.close();
  first.close();
  await other.stop();
});
