/** A process whose lease has lapsed but that has not noticed it yet. It only has its own memory of the run. */
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const model = { halted: new SteppedModel(), other: new SteppedModel() };
let shared: SharedServers;
let deployment: Deployment;
let halted: TestSluice;
let other: TestSluice;
let lapses = 0;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const agents = (of: SteppedModel) => (checkpointer: BaseCheckpointSaver) => ({
    chat: { graph: chatGraph(of, checkpointer), entry: { orphanGraceSeconds: 30 } },
  });
  const asHalted = {
    get lapses() {
      return lapses;
    },
    orphans: async () => [],
  };
  [halted, other] = await Promise.all([
    deployment.start(agents(model.halted), {}, () => asHalted),
    deployment.start(agents(model.other)),
  ]);
});
beforeEach(() => {
  lapses = 0;
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

const stop = async ({ url }: TestSluice, threadId: string, runId: string) => {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ runId });
  return (await fetch(`${url}/agui/agent/chat/stop/${threadId}`, { method: "POST", headers, body })).json();
};
const runsOf = async ({ url }: TestSluice, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}`)).json()) as { lastRun?: object }).lastRun;

it("a run that nobody took over is read, and cancelled, as before", async () => {
  const input = userInput("count");
  const run = await openSse(`${halted.url}/agui`, input);
  model.halted.say("one ");
  await run.until(hasType("TEXT_MESSAGE_CONTENT"));
  lapses = 1;
  const late = await watchSse(`${halted.url}/threads/${input.threadId}/events`);
  model.halted.say("two");
  const seen = eventsOf(dataOf(await late.until(({ data }) => data?.includes('"two"') === true)));
  late.abort();
  expect(seen.map(({ type }) => type)).toEqual([
    "RUN_STARTED",
    "MESSAGES_SNAPSHOT",
    "STEP_STARTED",
    "TEXT_MESSAGE_START",
    "TEXT_MESSAGE_CONTENT",
    "TEXT_MESSAGE_CONTENT",
  ]);
  expect(seen[0]).toMatchObject({ runId: input.runId });
  expect(await stop(halted, input.threadId, input.runId)).toEqual({ stopped: true });
  expect(eventsOf(dataOf(await run.done)).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
});

it("a run that another process took over does not hide the run after it", async () => {
  const input = userInput("count");
  const { threadId } = input;
  const lost = await openSse(`${halted.url}/agui`, input);
  model.halted.say("one ");
  await lost.until(hasType("TEXT_MESSAGE_CONTENT"));
  await left(threadId);
  await expect.poll(() => runsOf(other, threadId)).toMatchObject({ code: "owner_lost" });
  lapses = 1;
  const next = userInput("count on", { threadId });
  const run = await openSse(`${other.url}/agui`, next);
  model.other.say("two");
  await run.until(hasType("TEXT_MESSAGE_CONTENT"));
  expect(await halted.runs.active(threadId)).toMatchObject({ runId: next.runId });
  expect(await stop(halted, threadId, next.runId)).toEqual({ stopped: true });
  expect(eventsOf(dataOf(await run.done)).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
  lost.abort();
});

/** Makes a run look as if its process has not sent a heartbeat for a long time. */
async function left(threadId: string): Promise<void> {
  const client = new pg.Client(deployment.databaseUrl);
  await client.connect();
  await client.query("UPDATE sluice.runs SET owner = NULL WHERE thread_id = $1", [threadId]);
  await client.end();
}
