/** A server that is stopped leaves its runs to another one between two steps of their graphs: nobody notices. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/protocol/errors.ts";
import type { Instances } from "../../src/store/instances.ts";
import { followThread } from "../support/follower.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf } from "../support/sse-frames.ts";
import {
  blind,
  countOf,
  drives,
  gate,
  messagesOf,
  noticedNothing,
  type Others,
  post,
  talkOn,
  texts,
} from "../support/talking.ts";

let shared: SharedServers;
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
});
afterEach(() => deployment.close());
afterAll(() => shared.stop());

const talk = (...others: Others[]) => talkWithin("60", ...others);

async function talkWithin(drainSeconds: string, ...others: Others[]) {
  const talk = await talkOn(shared, drainSeconds, ...others);
  deployment = talk.deployment;
  return talk;
}

describe("a run at the end of its process", () => {
  it("goes on in another one in the same epoch, for readers of both", async () => {
    const { servers, run, reader, say, runId, threadId, row, model } = await talk(undefined, undefined);
    const [leaving, other] = servers as [TestSluice, TestSluice];
    await say("one");
    const closed = leaving.close();
    await say("two");
    await drives(leaving, 0);
    await drives(other, 1);
    expect(JSON.parse((await row()).input)).toMatchObject({ attempt: 1 });
    await say("three");
    await say("The end.");
    await reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(reader, runId);
    expect(texts(reader.messages)).toEqual(["talk", "one", "two", "three", "The end."]);
    expect(reader.messages).toEqual(await messagesOf(other, threadId));
    // Each step was taken once.
    expect(model.prompts).toHaveLength(4);
    // The client that started it can only read on where it is.
    const events = eventsOf(dataOf(await run.done));
    expect(events.filter(({ type }) => type === "RUN_STARTED")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED", runId });
    await closed;
    reader.close();
  });

  it("goes on in a third one, and a crash after that counts as the first", async () => {
    const { servers, run, reader, say, runId, row } = await talk(undefined, undefined, undefined);
    const [first, second, third] = servers as [TestSluice, TestSluice, TestSluice];
    run.abort();
    const closed = [first.close()];
    await say("one");
    await drives(first, 0);
    await expect.poll(() => second.runs.activeCount + third.runs.activeCount).toBe(1);
    const [holder, rest] = second.runs.activeCount === 1 ? [second, third] : [third, second];
    if (holder === second) closed.push(second.close());
    await say("two");
    if (holder === second) await drives(rest, 1);
    expect(JSON.parse((await row()).input)).toMatchObject({ attempt: 1, wentOn: true });
    await say("The end.");
    await reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(reader, runId);
    await Promise.all(closed);
    reader.close();
  });

  it("is cancelled although the cancel comes while it is handed over", async () => {
    const { others, reached, open } = gate();
    const { servers, reader, say, runId, threadId, model } = await talk(others, undefined);
    const [leaving, other] = servers as [TestSluice, TestSluice];
    const closed = leaving.close();
    await say("one");
    await reached;
    expect(await leaving.runs.cancel(threadId)).toBe(true);
    open();
    expect(await reader.until(({ type }) => type === "RUN_FINISHED")).toMatchObject({ outcome: { type: "cancelled" } });
    noticedNothing(reader, runId);
    expect(model.prompts.length).toBeLessThanOrEqual(2);
    expect(texts(await messagesOf(other, threadId)).slice(0, 2)).toEqual(["talk", "one"]);
    await closed;
    reader.close();
  });

  it("is cancelled by a wish that its owner did not hear any more", async () => {
    const { others, reached, open } = gate();
    const { servers, reader, say, threadId } = await talk(others, undefined);
    const [leaving, other] = servers as [TestSluice, TestSluice];
    const closed = leaving.close();
    await say("one");
    await reached;
    expect(await other.runs.cancel(threadId)).toBe(true);
    open();
    expect(await reader.until(({ type }) => type === "RUN_FINISHED")).toMatchObject({ outcome: { type: "cancelled" } });
    await closed;
    reader.close();
  });

  it("takes each message that is sent meanwhile, once", async () => {
    const { others, reached, open } = gate();
    const { servers, reader, say, runId, threadId, model } = await talk(others, undefined);
    const [leaving, other] = servers as [TestSluice, TestSluice];
    const inject = (url: string, id: string) =>
      post(`${url}/agui`, {
        ...userInput("x", { threadId }),
        messages: [{ id, role: "user", content: `sent ${id}` }],
        forwardedProps: { sluice: { inject: true } },
      });
    await inject(leaving.url, "before");
    await reader.until((event) => event.type === "CUSTOM" && event.name === "sluice.injected");
    const closed = leaving.close();
    await say("one");
    await reached;
    const here = inject(leaving.url, "here");
    const there = inject(other.url, "there");
    expect((await there).status).toBe(200);
    open();
    expect((await here).status).toBe(200);
    await say("two");
    await say("three");
    await say("The end.");
    await reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(reader, runId);
    const reports = reader.events.flatMap((event) =>
      event.type === "CUSTOM" && event.name === "sluice.injected"
        ? [event.value as { messageId: string; state: string }]
        : [],
    );
    for (const id of ["before", "here", "there"]) {
      expect(reports.filter(({ messageId }) => messageId === id).map(({ state }) => state)).toEqual([
        "waiting",
        "taken",
      ]);
      expect(model.prompts.at(-1)?.filter((text) => text === `sent ${id}`)).toHaveLength(1);
    }
    expect(texts(reader.messages)).toEqual(texts(await messagesOf(other, threadId)));
    await closed;
    reader.close();
  });

  it.each<[string, object]>([
    ["The end.", { type: "RUN_FINISHED" }],
    ["Really?", { type: "RUN_FINISHED", outcome: { type: "interrupt" } }],
  ])("ends where it stands when the step before its end is its last: %s", async (word, end) => {
    const { others, reached } = gate();
    const { servers, reader, model } = await talk(others, undefined);
    const [leaving] = servers as [TestSluice];
    let isLeft = false;
    void reached.then(() => {
      isLeft = true;
    });
    const closed = leaving.close();
    model.say(word).end();
    expect(await reader.until(({ type }) => type === "RUN_FINISHED")).toMatchObject(end);
    await closed;
    expect(isLeft).toBe(false);
    reader.close();
  });

  it("is tried again by the process that could not begin it", async () => {
    let attempts = 0;
    const broken = (instances: Instances) => ({
      followed: async (threadId: string) => {
        attempts += 1;
        if (attempts === 1) throw new SluiceError("storage_unavailable");
        return instances.followed(threadId);
      },
    });
    const { servers, reader, say, runId } = await talk(undefined, broken);
    const [leaving, other] = servers as [TestSluice, TestSluice];
    const closed = leaving.close();
    await say("one");
    await drives(other, 1);
    expect(attempts).toBe(2);
    await say("The end.");
    await reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(reader, runId);
    await closed;
    reader.close();
  });

  it("stays in its row when no other process lives, and goes on in the next one as after a crash", async () => {
    const { servers, start, reader, say, runId, threadId, row, model } = await talkWithin("0.2", undefined);
    const [leaving] = servers as [TestSluice];
    await say("one");
    await expect.poll(() => model.prompts.length).toBe(2);
    await leaving.close();
    reader.close();
    expect(await row()).toMatchObject({ status: "active", owner: null });
    expect(JSON.parse((await row()).input).handedOver).toBeUndefined();
    const next = await start();
    const after = followThread(next.url, threadId, reader.cursors.at(-1));
    await drives(next, 1);
    model.say("The end.").end();
    await after.until(({ type }) => type === "RUN_FINISHED");
    expect(after.gaps).toBe(1);
    expect(after.events.at(-1)).toMatchObject({ runId });
    expect(texts(after.messages)).toEqual(["talk", "one", "The end."]);
    expect(texts(await messagesOf(next, threadId))).toEqual(["talk", "one", "The end."]);
    after.close();
  });

  it("goes on in the next process when the others have left by the time it is handed over", async () => {
    const others = () => ({ hasSuccessor: async () => true });
    const { servers, start, run, reader, say, threadId, row, model } = await talk(others);
    const [leaving] = servers as [TestSluice];
    run.abort();
    const closed = leaving.close();
    await say("one");
    await drives(leaving, 0);
    reader.close();
    await closed;
    expect(await row()).toMatchObject({ status: "active", owner: null });
    const next = await start();
    const after = followThread(next.url, threadId, reader.cursors.at(-1));
    await drives(next, 1);
    model.say("The end.").end();
    await after.until(({ type }) => type === "RUN_FINISHED");
    expect(after.gaps).toBe(0);
    expect(countOf(after, "RUN_STARTED")).toBe(0);
    expect(texts(await messagesOf(next, threadId))).toEqual(["talk", "one", "The end."]);
    expect(model.prompts).toHaveLength(2);
    after.close();
  });

  it("goes on in a third process when the second is stopped while it takes the run over", async () => {
    const { others, reached, open } = gate("followed");
    const third = blind();
    const { servers, reader, say, runId } = await talk(undefined, others, third.others);
    const [first, second] = servers as [TestSluice, TestSluice];
    const closed = [first.close()];
    await say("one");
    await reached;
    third.see();
    closed.push(second.close());
    open();
    await say("two");
    await say("The end.");
    await reader.until(({ type }) => type === "RUN_FINISHED");
    noticedNothing(reader, runId);
    await Promise.all(closed);
    reader.close();
  });
});
