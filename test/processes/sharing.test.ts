/** Several servers with one database and one Redis: a client sees the same threads and runs on each of them. */
import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeInjected } from "../../src/authoring/injected.ts";
import type { AguiEvent } from "../../src/protocol/events.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { openFrames } from "../e2e/runs/frames-client.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, type SseReader, watchSse } from "../support/sse-frames.ts";
import { SteppedModel } from "../support/stepped-model.ts";

/** Each test ends its steps. Both servers share this model, so either may call it. */
const model = new SteppedModel();
let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
let elsewhere: TestSluice;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const agents = (checkpointer: BaseCheckpointSaver) => {
    const graph = chat(checkpointer);
    return {
      chat: { graph, entry: { orphanGraceSeconds: 30 } },
      steered: { graph: twice(checkpointer) },
      queue: { graph, entry: { whenBusy: "enqueue" as const } },
      brief: { graph, entry: { orphanGraceSeconds: 0.05 } },
    };
  };
  [here, there, elsewhere] = (await Promise.all(Array.from({ length: 3 }, () => deployment.start(agents)))) as [
    TestSluice,
    TestSluice,
    TestSluice,
  ];
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

function chat(checkpointer: BaseCheckpointSaver) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile({ checkpointer });
}

/** Calls the model again with the messages that were sent in the meantime. */
function twice(checkpointer: BaseCheckpointSaver) {
  const call = async ({ messages }: typeof MessagesAnnotation.State, config: RunnableConfig) => {
    const sent = await takeInjected(config);
    return { messages: [...sent, await model.invoke([...messages, ...sent])] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("first", call)
    .addNode("second", call)
    .addEdge(START, "first")
    .addEdge("first", "second")
    .addEdge("second", END)
    .compile({ checkpointer });
}

const post = (url: string, body: object = {}) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
const textOf = (events: readonly AguiEvent[]) =>
  events.map((event) => ("delta" in event && typeof event.delta === "string" ? event.delta : "")).join("");
const eventsIn = ({ frames }: SseReader) => eventsOf(dataOf(frames));
const text =
  (part: string) =>
  ({ data }: { data?: string }) =>
    data?.includes(`"delta":"${part}"`) === true;

describe("a run in another process", () => {
  it("is watched from its start, and from the middle by a late reader", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("one ");
    await run.until(text("one "));

    const late = await watchSse(`${there.url}/threads/${input.threadId}/events`);
    await late.until(text("one "));
    expect(eventsIn(late).map(({ type }) => type)).toEqual([
      "RUN_STARTED",
      "MESSAGES_SNAPSHOT",
      "STEP_STARTED",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT",
    ]);
    expect(eventsIn(late)[0]).toMatchObject({ runId: input.runId });
    model.say("two").end();
    await late.until(hasType("RUN_FINISHED"));
    late.abort();
    expect(textOf(eventsIn(late))).toBe("one two");
    await run.done;

    const messages = async ({ url }: TestSluice) => (await fetch(`${url}/threads/${input.threadId}`)).json();
    expect(await messages(there)).toEqual(await messages(here));
  });

  it("is over for every process when its end can be read, though its row still holds the thread", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("one ").end();
    const after = String((await run.until(hasType("RUN_FINISHED"))).at(-1)?.id);
    await run.done;
    const setStatus = (status: string) =>
      query("UPDATE sluice.runs SET status = $1 WHERE run_id = $2", [status, input.runId]);
    await setStatus("ending");
    const client = await openFrames(there.ws);
    const topic = threadTopic(input.threadId);
    expect(await client.ask({ type: "subscribe", topic, after })).toEqual({
      ...{ v: 1, type: "ack", id: "ask-1", topic },
      ...{ cursor: after, head: after },
    });
    await setStatus("finished");
    await client.drop();
  });

  it("is read on by its cursor, and attached to by its id, whichever process is asked", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("one ");
    const seen = await run.until(text("one "));
    run.abort();
    const resumed = await openSse(`${there.url}/agui`, input, { "last-event-id": String(seen.at(-1)?.id) });
    const attached = await openSse(`${there.url}/agui`, input);
    model.say("two").end();
    expect(textOf(eventsOf(dataOf(await resumed.done)))).toBe("two");
    const whole = eventsOf(dataOf(await attached.done));
    expect(textOf(whole)).toBe("one two");
    expect(whole.map(({ type }) => type)).not.toContain("MESSAGES_SNAPSHOT");
    const changed = await post(`${there.url}/agui`, { ...input, messages: [] });
    expect(await changed.json()).toMatchObject({ error: { code: "run_conflict" } });
  });

  it("is listed as active, and cancelled", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("one ");
    await run.until(text("one "));
    const { threads } = (await (await fetch(`${there.url}/threads`)).json()) as { threads: object[] };
    // The order may differ: a thread whose run has just ended may have been used later.
    expect(threads).toContainEqual(expect.objectContaining({ threadId: input.threadId, active: true }));
    const stopped = await post(`${there.url}/agui/agent/chat/stop/${input.threadId}`, { runId: input.runId });
    expect(await stopped.json()).toEqual({ stopped: true });
    expect(eventsOf(dataOf(await run.done)).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
    const none = await post(`${there.url}/agui/agent/chat/stop/${input.threadId}`);
    expect(none.status).toBe(404);
  });

  it("refuses a start here while it is followed, and makes room for it when its reader is gone", async () => {
    const { threadId, ...first } = userInput("first");
    const run = await openSse(`${here.url}/agui`, { ...first, threadId });
    model.say("one ");
    await run.until(text("one "));

    const refused = await post(`${there.url}/agui`, { ...userInput("second", { threadId }), runId: "refused" });
    expect(await refused.json()).toMatchObject({ error: { code: "thread_busy", details: { runId: first.runId } } });

    run.abort();
    // Its reader has left, and it was not started as a background run.
    const next = await openSse(`${there.url}/agui`, { ...userInput("third", { threadId }), runId: "third" });
    model.say("three").end();
    expect(textOf(eventsOf(dataOf(await next.done)))).toBe("three");
  });

  it("is waited for by starts of all processes in the order in which they came", async () => {
    const { threadId } = userInput("x");
    const start = (server: TestSluice, runId: string) =>
      openSse(`${server.url}/agui/agent/queue/run`, { ...userInput(runId, { threadId }), runId });
    const run = await start(here, "first");
    model.say("one");
    await run.until(text("one"));
    // In each process, starts wait for starts of the same process and of other processes between them.
    const servers = [here, there, elsewhere, there, here, elsewhere, here];
    const waiting: Promise<SseReader>[] = [];
    for (const [index, server] of servers.entries()) {
      waiting.push(start(server, `${index}`));
      while ((await inLine()) <= index) await endOfTurn();
    }
    const before = model.prompts.length;
    model.end();
    for (const [index, reader] of waiting.entries()) {
      model.say(`answer ${index}`).end();
      expect(textOf(eventsOf(dataOf(await (await reader).done)))).toBe(`answer ${index}`);
    }
    expect(model.prompts.slice(before).map((prompt) => prompt.at(-1))).toEqual(servers.map((_, index) => `${index}`));
    expect(await inLine()).toBe(0);
  });

  it("takes the messages that are sent into it here", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui/agent/steered/run`, input);
    model.say("one");
    await run.until(text("one"));
    const inject = { sluice: { inject: true } };
    const messages = [{ id: "more", role: "user", content: "and two" }];
    const sent = await post(`${there.url}/agui`, { ...input, messages, forwardedProps: inject });
    expect(await sent.json()).toMatchObject({ messages: [{ messageId: "more", state: "waiting" }] });
    await run.until(hasType("CUSTOM"));
    const late = await watchSse(`${there.url}/threads/${input.threadId}/events`);
    await late.until(({ data }) => data?.includes('"state":"waiting"') === true);
    late.abort();
    model.end().say("two").end();
    const events = eventsOf(dataOf(await run.done));
    const states = events.filter((event) => event.type === "CUSTOM" && event.name === "sluice.injected");
    expect(states).toMatchObject([{ value: { state: "waiting" } }, { value: { state: "taken" } }]);
    expect(model.prompts.at(-1)?.at(-1)).toBe("and two");
    expect(textOf(events)).toBe("oneand twotwo");
  });

  it("is deleted with its thread", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui`, input);
    model.say("one ");
    await run.until(text("one "));
    expect((await fetch(`${there.url}/threads/${input.threadId}`, { method: "DELETE" })).status).toBe(204);
    expect(await (await fetch(`${here.url}/threads/${input.threadId}`)).status).toBe(404);
    run.abort();
  });

  it("goes on while somebody follows it in another process, and ends when nobody does", async () => {
    const input = userInput("count");
    const run = await openSse(`${here.url}/agui/agent/brief/run`, input);
    model.say("one ");
    await run.until(text("one "));
    const watcher = await watchSse(`${there.url}/threads/${input.threadId}/events`);
    await watcher.until(text("one "));
    run.abort();
    // A run that lost its reader later has already ended, so the grace period of the first has passed.
    const left = userInput("count");
    const second = await openSse(`${here.url}/agui/agent/brief/run`, left);
    await second.until(hasType("STEP_STARTED"));
    second.abort();
    while ((await lastRun(left.threadId)) === undefined) await endOfTurn();
    model.say("two ");
    await watcher.until(text("two "));
    watcher.abort();
    while ((await lastRun(input.threadId)) === undefined) await endOfTurn();
    expect(await lastRun(input.threadId)).toMatchObject({ outcome: "cancelled" });
  });
});

async function lastRun(threadId: string): Promise<object | undefined> {
  const thread = (await (await fetch(`${there.url}/threads/${threadId}`)).json()) as { lastRun?: object };
  return thread.lastRun;
}

/** Returns the number of starts that wait for a run of another process. */
async function inLine(): Promise<number> {
  return (await query("SELECT 1 FROM sluice.waiting_starts")).rowCount ?? 0;
}

async function query(text: string, values: readonly unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client(deployment.databaseUrl);
  await client.connect();
  try {
    return await client.query(text, [...values]);
  } finally {
    await client.end();
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
