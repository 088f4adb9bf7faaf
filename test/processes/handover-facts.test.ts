/** Facts of a run that hold in the process that goes on with it: its reader, its time, its principal, its log. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { StartRequest } from "../../src/runs/handle.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { blind, drives, messagesOf, type Others, type TalkOptions, talkers, texts } from "../support/talking.ts";

let shared: SharedServers;
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
});
afterEach(() => deployment.close());
afterAll(() => shared.stop());

/** A run in the first of two servers, in its first step. Nobody reads it. */
async function talk(options: TalkOptions, request: Partial<StartRequest>, others?: Others) {
  const all = await talkers(shared, options, undefined, others);
  deployment = all.deployment;
  const { servers, input, model } = all;
  const [leaving, other] = servers as [TestSluice, TestSluice];
  await leaving.runs.start({ agent: undefined, input, detached: true, ...request });
  await expect.poll(() => model.prompts.length).toBe(1);
  return { ...all, leaving, other };
}

it("a run in the background goes on without a reader, as long as it takes", async () => {
  const entry = { orphanGraceSeconds: 0.01, detachedGraceSeconds: 0.01 };
  const { leaving, other, model, threadId } = await talk({ entry }, { background: true });
  const closed = leaving.close();
  model.say("one").end();
  await drives(other, 1);
  await expect.poll(() => model.prompts.length).toBe(2);
  // The grace of this run begins later. When it is over, that of any earlier run is over too.
  const another = { agent: undefined, input: userInput("another") };
  await other.runs.start(another);
  await drives(other, 1);
  expect(await other.runs.active(another.input.threadId)).toBeUndefined();
  model.say("The end.").end();
  await drives(other, 0);
  expect(texts(await messagesOf(other, threadId))).toEqual(["talk", "one", "The end."]);
  await closed;
});

it("its time goes on", async () => {
  const { others, see } = blind();
  const entry = { deadlines: { totalSeconds: 600 } };
  const { leaving, other, model, threadId, runId, query } = await talk({ entry }, {}, others);
  const reader = followThread(other.url, threadId);
  const closed = leaving.close();
  model.say("one").end();
  await drives(leaving, 0);
  const spent = "(input::jsonb #>> '{handedOver,spent,ms}')::float";
  expect(await query(`SELECT ${spent} > 0 AS spent FROM sluice.runs WHERE run_id = $1`)).toEqual([{ spent: true }]);
  // As if nearly all of its time was over.
  await query(
    `UPDATE sluice.runs SET input = jsonb_set(input::jsonb, '{handedOver,spent,ms}', '599999')::text WHERE run_id = $1`,
  );
  see();
  expect(await reader.until(endOf(runId))).toMatchObject({ type: "RUN_ERROR", code: "timeout_total" });
  expect(texts(await messagesOf(other, threadId))).toEqual(["talk", "one"]);
  reader.close();
  await closed;
});

it("its graph knows the same principal and the same claims", async () => {
  const user = { id: "ann", claims: { team: "blue" } };
  const { leaving, other, model, steps, query } = await talk({}, { requester: { principal: "p", user } });
  const closed = leaving.close();
  model.say("one").end();
  await drives(other, 1);
  const principal = "input::jsonb #>> '{setting,principal}'";
  expect(await query(`SELECT ${principal} AS principal FROM sluice.runs WHERE run_id = $1`)).toEqual([
    { principal: "p" },
  ]);
  await expect.poll(() => steps.length).toBe(2);
  expect(steps.map(({ configurable }) => configurable?.user)).toEqual([user, user]);
  model.say("The end.").end();
  await drives(other, 0);
  await closed;
});

it("a late reader in a third process gets all that it said, although the log keeps less", async () => {
  const { leaving, other, start, model, threadId, runId } = await talk({ maxEvents: 20 }, {});
  const words = Array.from({ length: 30 }, (_, n) => `${n} `);
  const first = followThread(other.url, threadId);
  const say = async (word: string) => {
    model.say(word);
    await first.until((event) => event.type === "TEXT_MESSAGE_CONTENT" && event.delta === word);
  };
  for (const word of words) await say(word);
  const closed = leaving.close();
  model.end();
  await drives(other, 1);
  await say("now ");
  first.close();
  const third = await start();
  const reader = followThread(third.url, threadId);
  await reader.until(({ type }) => type === "MESSAGES_SNAPSHOT");
  model.say("The end.").end();
  await reader.until(endOf(runId));
  expect(texts(reader.messages)).toEqual(["talk", words.join(""), "now The end."]);
  expect(reader.messages).toEqual(await messagesOf(third, threadId));
  reader.close();
  await closed;
});
