/** Postgres or Redis is away while a run is handed over: it goes on once, and nothing is lost. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/protocol/errors.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { blind, drives, gate, messagesOf, noticedNothing, type Others, talkOn, texts } from "../support/talking.ts";

let shared: SharedServers;
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
});
afterEach(() => deployment.close());
afterAll(() => shared.stop());

async function talk(...others: Others[]) {
  const talk = await talkOn(shared, "60", ...others);
  deployment = talk.deployment;
  const [leaving, other] = talk.servers as [TestSluice, TestSluice];
  return { ...talk, leaving, other };
}

type Talk = Awaited<ReturnType<typeof talk>>;

/** The run went on in the other process in the same epoch, and each of its steps was taken once. */
async function wentOn({ reader, say, runId, threadId, leaving, other, model }: Talk): Promise<void> {
  await drives(other, 1);
  expect(leaving.runs.activeCount).toBe(0);
  await say("The end.");
  await reader.until(({ type }) => type === "RUN_FINISHED");
  noticedNothing(reader, runId);
  expect(model.prompts).toHaveLength(2);
  expect(texts(await messagesOf(other, threadId))).toEqual(["talk", "one", "The end."]);
  reader.close();
}

describe("Postgres is away", () => {
  it("when the run is about to be released", async () => {
    const { others, reached, open } = gate();
    const run = await talk(others, undefined);
    const closed = run.leaving.close();
    await run.say("one");
    await reached;
    await shared.postgres.halt("immediate");
    open();
    await shared.postgres.start();
    await wentOn(run);
    await closed;
  });

  it("when the run is released, and not taken up yet", async () => {
    const { others, see } = blind();
    const run = await talk(undefined, others);
    const closed = run.leaving.close();
    await run.say("one");
    await expect.poll(async () => (await run.row()).owner).toBe(null);
    await shared.postgres.halt("immediate");
    see();
    await shared.postgres.start();
    await wentOn(run);
    await closed;
  });

  it("when it is asked for another process: the run goes on here until the next step is over", async () => {
    let asked = 0;
    const others: Others = (instances) => ({
      hasSuccessor: async () => {
        asked += 1;
        if (asked === 1) throw new SluiceError("storage_unavailable");
        return instances.hasSuccessor();
      },
    });
    const run = await talk(others, undefined);
    const closed = run.leaving.close();
    await run.say("one");
    await expect.poll(() => run.model.prompts.length).toBe(2);
    expect(run.leaving.runs.activeCount).toBe(1);
    await run.say("two");
    await drives(run.other, 1);
    await run.say("The end.");
    await run.reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(run.reader, run.runId);
    expect(texts(await messagesOf(run.other, run.threadId))).toEqual(["talk", "one", "two", "The end."]);
    run.reader.close();
    await closed;
  });
});

describe("Redis does not answer", () => {
  it("between two steps, for a moment", async () => {
    const { others, reached, open } = gate("hasSuccessor");
    const run = await talk(others, undefined);
    const closed = run.leaving.close();
    await expect.poll(() => run.model.waits).toBe(true);
    shared.redis.pause();
    run.model.say("one").end();
    await reached;
    open();
    expect((await run.row()).owner).not.toBe(null);
    shared.redis.resume();
    await wentOn(run);
    await closed;
  });

  it("between two steps, for so long that the run goes on as after a crash", async () => {
    const run = await talk(undefined, undefined);
    const { leaving, other, reader, model } = run;
    const closed = leaving.close();
    shared.redis.pause();
    model.say("one").end();
    const before = (await run.row()).owner;
    await expect.poll(async () => (await run.row()).owner).not.toBe(before);
    shared.redis.resume();
    await drives(other, 1);
    model.say("The end.").end();
    await expect.poll(async () => (await run.row()).status).toBe("done");
    // The row ends before its last events reach the reader.
    await expect.poll(() => texts(reader.messages)).toContain("The end.");
    expect(reader.gaps).toBe(1);
    expect(texts(await messagesOf(other, run.threadId))).toEqual(["talk", "one", "The end."]);
    expect(texts(reader.messages)).toEqual(["talk", "one", "The end."]);
    expect(model.prompts).toHaveLength(2);
    reader.close();
    await closed;
  });

  it("when the run is released, and not taken up yet", async () => {
    const { others, see } = blind();
    const run = await talk(undefined, others);
    const closed = run.leaving.close();
    await run.say("one");
    await expect.poll(async () => (await run.row()).owner).toBe(null);
    shared.redis.pause();
    see();
    await expect.poll(async () => (await run.row()).owner).not.toBe(null);
    shared.redis.resume();
    await wentOn(run);
    await closed;
  });
});
