/** A run whose process died, between the new epoch of the log and the run's new beginning in it. */
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { threadTopic } from "../../src/protocol/ids.ts";
import type { Instances } from "../../src/store/instances.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import { userInput } from "../support/sse-client.ts";
import { openSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

let shared: SharedServers;
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

it("a run that is being taken over is active, for readers of every process", async () => {
  let [reach, open] = [() => {}, () => {}];
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let looks = 0;
  const asTaker = (others: Instances): Partial<Instances> => ({
    followed: async (threadId) => {
      reach();
      await opened;
      return others.followed(threadId);
    },
  });
  const asThird = (others: Instances): Partial<Instances> => ({
    orphans: async () => [],
    elsewhere: (threadId) => {
      looks += 1;
      return others.elsewhere(threadId);
    },
  });
  const models = { dead: new SteppedModel(), living: new SteppedModel() };
  const agents = (model: SteppedModel) => (checkpointer: BaseCheckpointSaver) => ({
    chat: { graph: chatGraph(model, checkpointer), entry: { recover: true, detachedGraceSeconds: 60 } },
  });
  const dead = await deployment.start(agents(models.dead), {}, () => ({ orphans: async () => [] }));
  const third = await deployment.start(agents(models.living), {}, asThird);
  const input = userInput("count");
  const { threadId, runId } = input;
  const run = await openSse(`${dead.url}/agui`, { ...input, forwardedProps: { sluice: { detached: true } } });
  const follower = followThread(third.url, threadId);
  models.dead.say("one ");
  await follower.until(({ type }) => type === "TEXT_MESSAGE_CONTENT");
  const taker = await deployment.start(agents(models.living), {}, asTaker);
  const topic = threadTopic(threadId);
  const epoch = (await third.log.head(topic))?.epoch;
  await disown(threadId);
  await reached;
  await expect.poll(async () => (await third.log.head(topic))?.epoch === epoch).toBe(false);

  const [before, seen] = [looks, [taker, third].map((server) => server.runs.threads.snapshot(threadId))];
  expect(await taker.runs.active(threadId)).toMatchObject({ runId });
  expect(await taker.runs.threads.runs(threadId)).toMatchObject([{ runId, status: "active", over: false }]);
  expect(await taker.runs.threads.listed(threadId)).toMatchObject({ active: true });
  // The follower and the snapshot look once, and then again.
  await expect.poll(() => looks > before + 3 || follower.events.some(endOf(runId))).toBe(true);
  open();
  for (const snapshot of await Promise.all(seen))
    expect(snapshot).toMatchObject({ active: { runId }, ending: undefined });
  models.living.say("one two").end();
  await follower.until(endOf(runId));
  expect(follower.gaps).toBe(1);
  expect(follower.messages.map(({ content }) => content)).toEqual(["count", "one two"]);
  expect(follower.events.filter(({ type }) => type === "RUN_FINISHED")).toHaveLength(1);
  follower.close();
  run.abort();
});

/** Makes a run look as if its process was dead. */
async function disown(threadId: string): Promise<void> {
  const client = new pg.Client(deployment.databaseUrl);
  await client.connect();
  await client.query("UPDATE sluice.runs SET owner = 'dead' WHERE thread_id = $1", [threadId]);
  await client.end();
}
