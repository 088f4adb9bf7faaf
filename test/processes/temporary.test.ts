/** A temporary thread is deleted after its run: when every reader has its end, and also if the run's process is gone. */
import { type BaseCheckpointSaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endOf, followThread } from "../support/follower.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";

let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
/** Is called when `here` has looked for followers in other processes, with the thread that has some. */
let found: (threadId: string) => void = () => {};
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const agents = (checkpointer: BaseCheckpointSaver) => ({ greet: { graph: greeting(checkpointer) } });
  here = await deployment.start(agents, {}, (instances) => ({
    followed: async (threadId) => {
      const following = await instances.followed(threadId);
      if (following) found(threadId);
      return following;
    },
  }));
  there = await deployment.start(agents);
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

function greeting(checkpointer: BaseCheckpointSaver) {
  return new StateGraph(MessagesAnnotation)
    .addNode("greet", () => ({ messages: [{ role: "assistant", content: "Hello." }] }))
    .addEdge(START, "greet")
    .compile({ checkpointer });
}

/** A run on a thread of its own, which is over. Its thread is still there. */
async function overWithThread(temporary: boolean) {
  const input = userInput("hello");
  const reader = followThread(there.url, input.threadId);
  await reader.until(({ type }) => type === "RUN_FINISHED"); // The state of an empty thread.
  await here.runs.start({ agent: undefined, input, temporary, detached: true });
  await reader.until(endOf(input.runId));
  await expect.poll(() => here.runs.activeCount).toBe(0);
  return { ...input, reader };
}

const isThere = async (threadId: string) => (await fetch(`${there.url}/threads/${threadId}`)).status === 200;

it("a reader of another process keeps it until it leaves", async () => {
  const { threadId, runId, reader } = await overWithThread(true);
  const waits = new Promise<void>((resolve) => {
    found = (followed) => {
      if (followed === threadId) resolve();
    };
  });
  const deleted = here.runs.deleteAfter(threadId, runId);
  await Promise.race([waits, deleted]);
  expect(await isThere(threadId)).toBe(true);
  expect(reader.messages).toHaveLength(2);
  reader.close();
  await deleted;
  expect(await isThere(threadId)).toBe(false);
});

const LEFT = {
  "between its stored end and its thread's release": `status = 'ending', outcome = 'done', closing = '[]'`,
  "between its thread's release and the deletion": "status = 'done'",
};

it.each(Object.entries(LEFT))("it is deleted after a run whose process died %s", async (_, columns) => {
  const { threadId, runId, reader } = await overWithThread(true);
  reader.close();
  const client = new pg.Client(deployment.databaseUrl);
  await client.connect();
  await client.query(`UPDATE sluice.runs SET owner = 'gone', ${columns} WHERE run_id = $1`, [runId]);
  await expect.poll(() => isThere(threadId), { timeout: 60_000 }).toBe(false);
  const left = "SELECT 1 FROM sluice.runs WHERE thread_id = $1";
  await expect.poll(async () => (await client.query(left, [threadId])).rowCount).toBe(0);
  await client.end();
});
