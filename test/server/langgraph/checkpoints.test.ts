/** Clients that go back to an earlier checkpoint of a thread, where the agent accepts it. */
import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client, type ThreadState } from "@langchain/langgraph-sdk";
import { useStream as useLegacyStream } from "@langchain/langgraph-sdk/react";
import { useStream } from "@langchain/react";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rendered, renderHook } from "../../support/react-hook.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const model = new SteppedModel();
const METRICS_TOKEN = "0123456789abcdef0123456789abcdef";

/** Asks before it answers. */
const asking = new StateGraph(MessagesAnnotation)
  .addNode("ask", () => ({ messages: [new AIMessage({ content: `You said ${interrupt("Go on?")}.` })] }))
  .addEdge(START, "ask")
  .compile({ checkpointer: memory() });

/** Pauses before it sends. */
let sent = 0;
const careful = new StateGraph(MessagesAnnotation)
  .addNode("plan", () => ({ messages: [new AIMessage("plan")] }))
  .addNode("send", () => {
    sent += 1;
    return { messages: [new AIMessage("sent")] };
  })
  .addEdge(START, "plan")
  .addEdge("plan", "send")
  .compile({ checkpointer: memory(), interruptBefore: ["send"] });

/** Takes a note before it answers. */
const noting = new StateGraph(MessagesAnnotation)
  .addNode("note", () => ({ messages: [new AIMessage("noted")] }))
  .addNode("answer", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
  .addEdge(START, "note")
  .addEdge("note", "answer")
  .compile({ checkpointer: memory() });

interface Values {
  readonly messages: readonly { readonly type: string; readonly content: string }[];
}

let sluice: TestSluice;
let client: Client<Values>;
beforeAll(async () => {
  sluice = await startSluice(
    {
      chat: { graph: chatGraph(model, memory()), entry: { accepts: ["checkpoint"] } },
      asking: { graph: asking, entry: { accepts: ["checkpoint"] } },
      careful: { graph: careful, entry: { accepts: ["checkpoint"] } },
      noting: { graph: noting, entry: { accepts: ["checkpoint"] } },
      closed: { graph: chatGraph(model, memory()) },
    },
    { LANGGRAPH_API: "true", METRICS_TOKEN, ORPHAN_GRACE_SECONDS: "5" },
  );
  client = new Client({ apiUrl: `${sluice.url}/langgraph`, apiKey: null, callerOptions: { maxRetries: 0 } });
});
afterAll(() => sluice.close());

const human = (content: string) => ({ messages: [{ type: "human" as const, content }] });
const texts = ({ messages }: Values) => messages.map(({ content }) => content);
const idOf = ({ checkpoint }: Pick<ThreadState<Values>, "checkpoint">) => String(checkpoint?.checkpoint_id);

async function say(thread: string, content: string, answer: string, more: object = {}): Promise<string[]> {
  model.say(answer).end();
  return texts((await client.runs.wait(thread, "chat", { input: human(content), ...more })) as unknown as Values);
}

async function waiting(): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
  const metrics = await (await fetch(`${sluice.url}/metrics`, { headers })).text();
  return /^sluice_starts_waiting (\d+)/m.exec(metrics)?.[1];
}

async function activeRun(thread: string): Promise<string> {
  const active = async () => (await client.runs.list(thread)).find(({ status }) => status === "running")?.run_id;
  await expect.poll(active).toBeDefined();
  return String(await active());
}

/** A thread with two questions and two answers. */
async function talk(): Promise<{ thread: string; history: ThreadState<Values>[] }> {
  const { thread_id: thread } = await client.threads.create();
  await say(thread, "one", "First.");
  await say(thread, "two", "Second.");
  return { thread, history: await client.threads.getHistory(thread) };
}

test("the history has the points before each run and after its question, each with the one before it", async () => {
  const { thread, history } = await talk();
  expect(history.map(({ values }) => texts(values))).toEqual([
    ["one", "First.", "two", "Second."],
    ["one", "First.", "two"],
    ["one", "First."],
    ["one"],
    [],
  ]);
  expect(history.map(({ parent_checkpoint: parent }) => parent?.checkpoint_id)).toEqual([
    ...history.slice(1).map(idOf),
    undefined,
  ]);
  const [, , answered] = history;
  expect(await client.threads.getState(thread, idOf(answered as never))).toEqual(answered);
  const before = { configurable: { checkpoint_id: idOf(answered as never) } };
  expect(
    (await client.threads.getHistory(thread, { before, limit: 1 })).map(({ values }) => texts(values as Values)),
  ).toEqual([["one"]]);
});

test("a history has the one state that its checkpoint names, and none before an unknown one or of an inner graph", async () => {
  const { thread, history } = await talk();
  const [, , answered] = history;
  const found = (more: object) => client.threads.getHistory(thread, more);
  expect(await found({ checkpoint: { checkpoint_id: idOf(answered as never) } })).toEqual([answered]);
  expect(await found({ before: { configurable: {} }, limit: 1 })).toEqual([history[0]]);
  expect(await found({ before: { configurable: { checkpoint_id: randomUUID() } } })).toEqual([]);
  const inner = { checkpoint_ns: "tools:1", checkpoint_id: idOf(answered as never) };
  expect(await found({ checkpoint: inner })).toEqual([]);
  await expect(client.threads.getState(thread, inner as never)).rejects.toThrow("no such checkpoint");
});

test("a history has the states that have the metadata that is asked for", async () => {
  const { thread, history } = await talk();
  const found = (metadata: object) => client.threads.getHistory(thread, { metadata: { ...metadata } });
  expect(await found({ graph_id: "chat", assistant_id: "chat" })).toEqual(history);
  expect(await found({ run_id: history[0]?.metadata?.run_id })).toEqual([history[0]]);
  expect(await found({ graph_id: "asking" })).toEqual([]);
});

test("a history whose states have too many messages in all ends early, and goes on with before", async () => {
  const { thread_id: thread } = await client.threads.create();
  const many = Array.from({ length: 8_000 }, () => ({ type: "human" as const, content: "x" }));
  await say(thread, "one", "First.", { input: { messages: many } });
  await say(thread, "two", "Second.");
  const lengths = async (more?: object) =>
    (await client.threads.getHistory(thread, more)).map(({ values }) => values.messages.length);
  expect(await lengths()).toEqual([8_003, 8_002]);
  const [, last] = await client.threads.getHistory(thread);
  const before = { configurable: { checkpoint_id: idOf(last as never) } };
  expect(await lengths({ before })).toEqual([8_001, 8_000, 0]);
});

test.each([
  ["checkpoint", (id: string) => ({ checkpoint: { checkpoint_id: id, checkpoint_ns: "", checkpoint_map: null } })],
  ["checkpoint_id", (id: string) => ({ checkpointId: id })],
  ["config.configurable.checkpoint_id", (id: string) => ({ config: { configurable: { checkpoint_id: id } } })],
])("a run goes back to the %s, and the graph forgets what came after it", async (_name, more) => {
  const { thread, history } = await talk();
  const [, , answered] = history;
  expect(await say(thread, "again", "Third.", more(idOf(answered as never)))).toEqual([
    "one",
    "First.",
    "again",
    "Third.",
  ]);
  expect(model.prompts.at(-1)).toEqual(["one", "First.", "again"]);
  // The thread goes on from there.
  expect((await say(thread, "more", "Fourth.")).slice(2)).toEqual(["again", "Third.", "more", "Fourth."]);
  expect(model.prompts.at(-1)).toEqual(["one", "First.", "again", "Third.", "more"]);
});

test("a run without input gives another answer to the question before it, from the first one on", async () => {
  const { thread, history } = await talk();
  const asked = history[3] as ThreadState<Values>;
  model.say("Another.").end();
  const values = await client.runs.wait(thread, "chat", { input: null, checkpoint: asked.checkpoint as never });
  expect(texts(values as unknown as Values)).toEqual(["one", "Another."]);
  expect(model.prompts.at(-1)).toEqual(["one"]);
  // A thread may go back to its very beginning, and again.
  const start = (await client.threads.getHistory(thread)).at(-1) as ThreadState<Values>;
  expect(await say(thread, "new", "New.", { checkpoint: start.checkpoint })).toEqual(["new", "New."]);
  expect(model.prompts.at(-1)).toEqual(["new"]);
});

test("the last checkpoint undoes nothing", async () => {
  const { thread, history } = await talk();
  const said = await say(thread, "three", "Third.", { checkpoint: history[0]?.checkpoint });
  expect(said).toEqual(["one", "First.", "two", "Second.", "three", "Third."]);
});

test("the last checkpoint is gone back to if another run went first", async () => {
  const { thread_id: thread } = await client.threads.create();
  model.say("First.");
  const first = client.runs.wait(thread, "chat", { input: human("one") });
  // The answer is not in the state until it is whole.
  await expect.poll(async () => texts((await client.threads.getState(thread)).values)).toEqual(["one"]);
  const { checkpoint } = await client.threads.getState(thread);
  const queue = (content: string, more: object = {}) =>
    client.runs.wait(thread, "chat", { input: human(content), multitaskStrategy: "enqueue", ...more });
  const second = queue("two");
  await expect.poll(waiting).toBe("1");
  const third = queue("three", { checkpoint });
  await expect.poll(waiting).toBe("2");
  model.end().say("Second.").end().say("Third.").end();
  const [, , values] = await Promise.all([first, second, third]);
  expect(texts(values as unknown as Values)).toEqual(["one", "three", "Third."]);
});

test("a run with a checkpoint in the middle of an answer is refused if the answer has gone on since", async () => {
  const { thread_id: thread } = await client.threads.create();
  model.say("First.");
  const first = client.runs.wait(thread, "noting", { input: human("one") });
  const reads = client.runs.joinStream(thread, await activeRun(thread), { streamMode: "messages-tuple" });
  for await (const { data } of reads) if (JSON.stringify(data).includes("First.")) break;
  const { checkpoint, values } = await client.threads.getState(thread);
  expect(texts(values)).toEqual(["one", "noted"]);
  const more = { input: human("two"), checkpoint, multitaskStrategy: "enqueue" as const };
  const second = client.runs.wait(thread, "noting", more).catch((error: unknown) => String(error));
  await expect.poll(waiting).toBe("1");
  model.end();
  expect(texts((await first) as unknown as Values)).toEqual(["one", "noted", "First."]);
  expect(await second).toContain("checkpoint: the thread has left it since");
});

test("a run that failed before its first message is tried again from the last checkpoint", async () => {
  const { thread_id: thread } = await client.threads.create();
  model.fail(new Error("down"));
  await client.runs.wait(thread, "chat", { input: human("one") }).catch(() => {});
  const history = await client.threads.getHistory(thread);
  expect(history.map(({ values }) => texts(values))).toEqual([["one"], []]);
  const [failed] = history;
  expect(failed).toMatchObject({ next: ["agent"], tasks: [{ name: "agent", error: expect.stringContaining("down") }] });
  model.say("First.").end();
  const values = await client.runs.wait(thread, "chat", { input: null, checkpoint: failed?.checkpoint as never });
  expect(texts(values as unknown as Values)).toEqual(["one", "First."]);
  expect(model.prompts.at(-1)).toEqual(["one"]);
});

test("a new message at the last checkpoint is added to one whose run failed", async () => {
  const { thread_id: thread } = await client.threads.create();
  model.fail(new Error("down"));
  await client.runs.wait(thread, "chat", { input: human("one") }).catch(() => {});
  const { checkpoint } = await client.threads.getState(thread);
  expect(await say(thread, "two", "Second.", { checkpoint })).toEqual(["one", "two", "Second."]);
});

test("a thread that waits for an answer goes back without it", async () => {
  const { thread_id: thread } = await client.threads.create();
  await client.runs.wait(thread, "asking", { input: human("do it") });
  const [now, start] = await client.threads.getHistory(thread);
  expect(now?.tasks[0]?.interrupts).toMatchObject([{ value: "Go on?" }]);
  await client.runs.wait(thread, "asking", { input: human("do less"), checkpoint: start?.checkpoint as never });
  const state = await client.threads.getState(thread);
  expect([texts(state.values), state.tasks[0]?.interrupts]).toMatchObject([["do less"], [{ value: "Go on?" }]]);
  const both = { command: { resume: "yes" }, checkpoint: start?.checkpoint as never };
  await expect(client.runs.wait(thread, "asking", both)).rejects.toThrow("command.resume");
});

test("a run with a checkpoint does not go on from a breakpoint", async () => {
  const { thread_id: thread } = await client.threads.create();
  await client.runs.wait(thread, "careful", { input: human("one") });
  const [now, asked, start] = await client.threads.getHistory(thread);
  for (const state of [now, start]) {
    const back = client.runs.wait(thread, "careful", { input: null, checkpoint: state?.checkpoint as never });
    await expect(back).rejects.toThrow("input: must be an object");
  }
  const again = { input: null, checkpoint: asked?.checkpoint as never };
  expect(texts((await client.runs.wait(thread, "careful", again)) as unknown as Values)).toEqual(["one", "plan"]);
  expect(sent).toBe(0);
  await client.runs.wait(thread, "careful", { input: null });
  expect(sent).toBe(1);
});

test("a checkpoint of another thread, of a branch that was left, or of nothing is not found, in the same words", async () => {
  const { thread, history } = await talk();
  const { history: others } = await talk();
  await say(thread, "changed", "Third.", { checkpoint: history[2]?.checkpoint });
  const answers = await Promise.all(
    [others[2], history[1]].map(async (state) => {
      const response = await start(thread, { checkpoint_id: idOf(state as never) });
      return [response.status, await response.text()];
    }),
  );
  const unknown = await start(thread, { checkpoint_id: randomUUID() });
  const expected = [unknown.status, await unknown.text()];
  expect(expected[0]).toBe(404);
  expect(answers).toEqual([expected, expected]);
});

test.each<[string, number, object]>([
  ["checkpoint.checkpoint_ns", 403, { checkpoint: { checkpoint_id: "x", checkpoint_ns: "inner" } }],
  ["checkpoint.checkpoint_map", 403, { checkpoint: { checkpoint_id: "x", checkpoint_map: { "": "y" } } }],
  ["checkpoint.thread_id", 403, { checkpoint: { checkpoint_id: "x", thread_id: "another" } }],
  ["checkpoint_id", 400, { checkpoint_id: "x", config: { configurable: { checkpoint_id: "y" } } }],
  ["checkpoint", 400, { checkpoint: "x" }],
  ["checkpoint_id", 400, { checkpoint_id: 7 }],
])("%s is refused with %i", async (field, status, body) => {
  const { thread } = await talk();
  const response = await start(thread, body);
  expect([response.status, await response.text()]).toEqual([status, expect.stringContaining(field)]);
});

test("an agent that does not accept checkpoints shows its thread's current state alone", async () => {
  const { thread_id: thread } = await client.threads.create();
  for (const answer of ["First.", "Second."]) {
    model.say(answer).end();
    await client.runs.wait(thread, "closed", { input: human("hi") });
  }
  const history = await client.threads.getHistory(thread);
  expect(history).toMatchObject([{ parent_checkpoint: null }]);
  const back = { input: human("back"), checkpoint: history[0]?.checkpoint as never };
  await expect(client.runs.wait(thread, "closed", back)).rejects.toThrow("checkpoint: clients may not set this");
});

function start(thread: string, body: object): Promise<Response> {
  return fetch(`${sluice.url}/langgraph/threads/${thread}/runs/wait`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ assistant_id: "chat", input: human("back"), ...body }),
  });
}

describe("useStream", () => {
  interface Shown {
    readonly messages: readonly { readonly type: string; readonly content: unknown; readonly text?: string }[];
    readonly isLoading: boolean;
  }
  const shows =
    (...lines: string[]) =>
    ({ messages, isLoading }: Shown) =>
      messages.map(({ text, content }) => text ?? String(content)).join() === lines.join() && !isLoading;
  const options = () => ({ apiUrl: `${sluice.url}/langgraph`, assistantId: "chat" });

  test("of the SDK changes a question, and asks for another answer, by the checkpoint before a message", async () => {
    const { thread: threadId } = await talk();
    const hook = () =>
      useLegacyStream<Values & Record<string, unknown>>({ ...options(), threadId, fetchStateHistory: true } as never);
    const page = (await renderHook(hook as never)) as Rendered<Shown & ReturnType<typeof hook>>;
    await page.until(shows("one", "First.", "two", "Second."));
    const parentOf = (index: number) => {
      const { messages } = page.now as ReturnType<typeof hook>;
      return page.now.getMessagesMetadata(messages[index] as never)?.firstSeenState?.parent_checkpoint as never;
    };
    model.say("Another.").end();
    void page.now.submit(undefined as never, { checkpoint: parentOf(3) });
    await page.until(shows("one", "First.", "two", "Another."));
    model.say("Third.").end();
    void page.now.submit(human("changed") as never, { checkpoint: parentOf(0) });
    await page.until(shows("changed", "Third."));
    page.unmount();
  });

  test("of @langchain/react forks from a checkpoint of the history", async () => {
    const { thread: threadId, history } = await talk();
    const hook = () => useStream({ ...options(), threadId });
    const page = (await renderHook(hook as never)) as Rendered<Shown & ReturnType<typeof hook>>;
    await page.until(shows("one", "First.", "two", "Second."));
    model.say("Third.").end();
    void page.now.submit(human("changed"), { forkFrom: idOf(history[2] as never) });
    await page.until(shows("one", "First.", "changed", "Third."));
    page.unmount();
  });

  test.each<[string, (options: never) => unknown]>([
    ["the SDK", useLegacyStream],
    ["@langchain/react", useStream],
  ])("of %s shows a thread whose run failed as one that has ended, and without a breakpoint", async (_, use) => {
    const { thread_id: threadId } = await client.threads.create();
    model.fail(new Error("down"));
    await client.runs.wait(threadId, "chat", { input: human("one") }).catch(() => {});
    const hook = () => use({ ...options(), threadId, fetchStateHistory: true } as never);
    const page = (await renderHook(hook as never)) as Rendered<Shown & { readonly interrupt?: unknown }>;
    await page.until(shows("one"));
    expect(page.now.interrupt).toBeUndefined();
    page.unmount();
  });
});
