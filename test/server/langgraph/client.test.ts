/** LangGraph's own SDK against its API as Sluice serves it. */
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { Annotation, Command, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { RemoteGraph } from "@langchain/langgraph/remote";
import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { RunManager } from "../../../src/runs/manager.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const model = new SteppedModel();

/** Asks before it acts. */
const asking = new StateGraph(MessagesAnnotation)
  .addNode("ask", () => ({
    messages: [new AIMessage({ id: "a", content: `You said ${interrupt({ question: "Go on?" })}.` })],
  }))
  .addEdge(START, "ask")
  .compile({ checkpointer: memory() });

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  plan: Annotation<string>(),
  secret: Annotation<string>(),
});

/** Keeps a secret in its state and in a hidden node, and shows a plan. */
const secretive = new StateGraph(State)
  .addNode("hidden", () => ({ secret: CANARY, messages: [] }))
  .addNode("call", ({ plan }, config) => {
    config.writer?.({ percent: 50 });
    const call = { id: "c1", name: "look", args: { for: "it" } };
    return { plan: `${plan ?? ""}!`, messages: [new AIMessage({ id: "m1", content: "", tool_calls: [call] })] };
  })
  .addNode("look", () => ({ messages: [new ToolMessage({ id: "m2", tool_call_id: "c1", content: "found" })] }))
  .addNode("shown", () => ({ messages: [new AIMessage({ id: "m3", content: "Done." })] }))
  .addEdge(START, "hidden")
  .addEdge("hidden", "call")
  .addEdge("call", "look")
  .addEdge("look", "shown")
  .compile({ checkpointer: memory() });

const CANARY = "canary-5d1f";

let sluice: TestSluice;
let client: Client;

beforeAll(async () => {
  sluice = await startSluice(
    {
      chat: { graph: chatGraph(model) },
      asking: { graph: asking },
      secretive: { graph: secretive, entry: { state: ["plan"], filter: { nodes: { exclude: ["hidden"] } } } },
    },
    { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "5" },
  );
  client = new Client({ apiUrl: `${sluice.url}/langgraph`, apiKey: null, callerOptions: { maxRetries: 0 } });
});
afterAll(() => sluice.close());

const human = (content: string) => ({ messages: [{ type: "human", content }] });

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function named(chunks: readonly { event: string; data: unknown }[], event: string): unknown[] {
  return chunks.filter((chunk) => chunk.event === event).map(({ data }) => data);
}

const texts = (values: unknown) =>
  (values as { messages: { type: string; content: unknown }[] }).messages.map(
    ({ type, content }) => `${type}: ${content}`,
  );

describe("a chat", () => {
  test("streams an answer in pieces, and keeps it", async () => {
    const { thread_id } = await client.threads.create();
    model.say("Hel", "lo").end();
    const created: unknown[] = [];
    const chunks = await all(
      client.runs.stream(thread_id, "chat", {
        input: human("hi"),
        streamMode: ["values", "messages-tuple", "updates"],
        onRunCreated: (run) => created.push(run),
      }),
    );
    const [{ run_id: runId }] = named(chunks, "metadata") as [{ run_id: string }];
    expect(chunks[0]?.event).toBe("metadata");
    expect(created).toEqual([{ run_id: runId, thread_id }]);
    const pieces = named(chunks, "messages") as [{ type: string; id: string; content: string }, object][];
    expect(pieces.map(([{ content }]) => content).join("")).toBe("Hello");
    expect(pieces[0]?.[1]).toMatchObject({ langgraph_node: "chat", run_id: runId, thread_id, assistant_id: "chat" });
    expect(texts(named(chunks, "values").at(0))).toEqual(["human: hi"]);
    expect(texts(named(chunks, "values").at(-1))).toEqual(["human: hi", "ai: Hello"]);
    expect(named(chunks, "updates")).toEqual([
      { chat: { messages: [expect.objectContaining({ type: "ai", id: pieces[0]?.[0].id, content: "Hello" })] } },
    ]);
    expect(texts((await client.threads.getState(thread_id)).values)).toEqual(["human: hi", "ai: Hello"]);
    expect(await client.threads.getHistory(thread_id)).toHaveLength(1);
    expect(await client.threads.get(thread_id)).toMatchObject({
      thread_id,
      status: "idle",
      metadata: { graph_id: "chat" },
    });
    expect(await client.runs.list(thread_id)).toMatchObject([{ run_id: runId, status: "success", thread_id }]);

    model.say("Again").end();
    const next = await client.runs.wait(thread_id, "chat", { input: human("more") });
    expect(texts(next)).toEqual(["human: hi", "ai: Hello", "human: more", "ai: Again"]);
    expect(await client.threads.search({ metadata: { graph_id: "chat" } })).toMatchObject([
      { thread_id, values: { messages: [{ content: "hi" }, {}, {}, {}] } },
    ]);
    await client.threads.delete(thread_id);
    await expect(client.threads.get(thread_id)).rejects.toThrow("404");
  });

  test("goes on after a cut without a lost or doubled word", async () => {
    const { thread_id } = await client.threads.create();
    model.say("one ", "two ");
    const pieces: string[] = [];
    for await (const { event, data } of client.runs.stream(thread_id, "chat", {
      input: human("count"),
      streamMode: ["messages-tuple"],
      onDisconnect: "continue",
    })) {
      if (event !== "messages") continue;
      pieces.push(String((data as unknown as [{ content: string }])[0].content));
      if (pieces.join("") !== "one two ") continue;
      sluice.server.closeAllConnections();
      model.say("three ", "four").end();
    }
    expect(pieces.join("")).toBe("one two three four");
  });

  test("is cancelled, and its run says so", async () => {
    const { thread_id } = await client.threads.create();
    model.say("never");
    const run = await client.runs.create(thread_id, "chat", { input: human("go") });
    expect(run).toMatchObject({ status: "running", thread_id });
    expect(await client.threads.get(thread_id)).toMatchObject({ status: "busy" });
    await client.runs.cancel(thread_id, run.run_id, true);
    expect(await client.runs.get(thread_id, run.run_id)).toMatchObject({ status: "interrupted" });
    expect(texts(await client.runs.join(thread_id, run.run_id))).toEqual(["human: go", "ai: never"]);
  });

  test("is joined from its beginning, and from the middle", async () => {
    const { thread_id } = await client.threads.create();
    model.say("a", "b", "c").end();
    const run = await client.runs.create(thread_id, "chat", { input: human("go") });
    const streamMode = ["messages-tuple", "values"] as const;
    const chunks = await all(
      client.runs.joinStream(thread_id, run.run_id, { streamMode: [...streamMode], lastEventId: "-1" }),
    );
    const words = (from: readonly { event: string; data: unknown }[]) =>
      named(from, "messages")
        .map((data) => (data as [{ content: string }])[0].content)
        .join("");
    expect(words(chunks)).toBe("abc");
    const middle = chunks.findIndex(({ event }) => event === "messages");
    const lastEventId = String(chunks[middle]?.id);
    const rest = await all(client.runs.joinStream(thread_id, run.run_id, { streamMode: [...streamMode], lastEventId }));
    expect(rest).toEqual(chunks.slice(middle + 1));
  });
});

test("a thread on which nothing ran has an empty state, whoever made its id", async () => {
  const { thread_id: made } = await client.threads.create();
  for (const thread of [made, "of-the-client"]) {
    const empty = { values: {}, next: [], tasks: [], checkpoint: null };
    expect(await client.threads.getState(thread)).toMatchObject(empty);
    expect(await client.threads.getHistory(thread)).toEqual([]);
    await expect(client.threads.get(thread)).rejects.toThrow("404");
  }
});

test("a second run on a busy thread is refused, waits, or takes the place of the first, as its client wants", async () => {
  const { thread_id } = await client.threads.create();
  const begin = (content: string, multitaskStrategy?: "reject" | "enqueue" | "interrupt") =>
    client.runs.create(thread_id, "chat", {
      input: human(content),
      ...(multitaskStrategy ? { multitaskStrategy } : {}),
    });
  model.say("never");
  const first = await begin("one");
  await expect(begin("two", "reject")).rejects.toThrow("409");
  const waits = begin("three", "enqueue");
  await client.runs.cancel(thread_id, first.run_id, true);
  model.say("third");
  const third = await waits;
  const fourth = await begin("four", "interrupt");
  expect(await client.runs.get(thread_id, third.run_id)).toMatchObject({ status: "interrupted" });
  model.say("Last.").end();
  expect(texts(await client.runs.join(thread_id, fourth.run_id)).slice(-2)).toEqual(["human: four", "ai: Last."]);
});

describe("a client that leaves", () => {
  const idle = new SteppedModel();
  let hasty: TestSluice;
  beforeAll(async () => {
    const agents = { chat: { graph: chatGraph(model) }, other: { graph: chatGraph(idle) } };
    hasty = await startSluice(agents, { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "0.03" });
  });
  afterAll(() => hasty.close());

  /** Streams a run, and leaves it in the middle of its answer. */
  async function left(onDisconnect: "cancel" | "continue", agent = "chat") {
    const own = new Client({ apiUrl: `${hasty.url}/langgraph`, apiKey: null, callerOptions: { maxRetries: 0 } });
    const { thread_id: thread } = await own.threads.create();
    const cut = new AbortController();
    const stream = own.runs.stream(thread, agent, {
      input: human("hi"),
      streamMode: "messages-tuple",
      onDisconnect,
      signal: cut.signal,
    });
    (agent === "chat" ? model : idle).say("Hel");
    const watchers: Promise<unknown[]>[] = [];
    const leave = async (watches: boolean) => {
      for await (const { event } of stream) {
        if (event !== "messages") continue;
        const [run] = await own.runs.list(thread);
        const follows = vi.spyOn(RunManager.prototype, "follow");
        if (watches) watchers.push(all(own.runs.joinStream(thread, String(run?.run_id), { streamMode: "values" })));
        if (watches) await expect.poll(() => follows.mock.calls.length).toBe(1);
        cut.abort();
      }
    };
    const status = async () => (await own.runs.list(thread))[0]?.status;
    return { leave, status, watchers };
  }

  test("with cancel ends its run, and with continue it does not", async () => {
    const cancels = await left("cancel");
    await cancels.leave(false);
    await expect.poll(cancels.status).toBe("interrupted");
    const goesOn = await left("continue");
    await goesOn.leave(false);
    model.say("lo").end();
    await expect.poll(goesOn.status).toBe("success");
  });

  test("with cancel ends no run that somebody else follows", async () => {
    const { leave, status, watchers } = await left("cancel");
    await leave(true);
    // Another run is orphaned later, and its grace ends: that of this one would have ended before.
    const later = await left("cancel", "other");
    await later.leave(false);
    await expect.poll(later.status).toBe("interrupted");
    expect(await status()).toBe("running");
    model.say("lo").end();
    expect(texts(named((await watchers[0]) as { event: string; data: unknown }[], "values").at(-1))).toEqual([
      "human: hi",
      "ai: Hello",
    ]);
    expect(await status()).toBe("success");
  });
});

describe("an interrupt", () => {
  test("is shown, kept, and answered", async () => {
    const { thread_id } = await client.threads.create();
    const asked = await all(
      client.runs.stream(thread_id, "asking", { input: human("do it"), streamMode: ["values", "updates"] }),
    );
    const [question] = (named(asked, "updates").at(-1) as { __interrupt__: object[] }).__interrupt__;
    expect(question).toEqual({ id: expect.any(String), value: { question: "Go on?" } });
    expect(named(asked, "values").at(-1)).toMatchObject({
      __interrupt__: [question],
      messages: [{ content: "do it" }],
    });
    const state = await client.threads.getState(thread_id);
    expect(state.tasks.flatMap(({ interrupts }) => interrupts)).toEqual([question]);
    expect(state.next).toHaveLength(1);
    expect(await client.threads.search({ status: "interrupted" })).toMatchObject([
      { thread_id, status: "interrupted" },
    ]);
    const answered = await client.runs.wait(thread_id, "asking", { command: { resume: "yes" } });
    expect(texts(answered)).toEqual(["human: do it", "ai: You said yes."]);
    expect((await client.threads.getState(thread_id)).tasks).toEqual([]);
  });

  test("is not answered by a run without an answer", async () => {
    const { thread_id } = await client.threads.create();
    await client.runs.wait(thread_id, "asking", { input: human("do it") });
    await expect(client.runs.wait(thread_id, "asking", { input: null })).rejects.toThrow("400");
    await expect(client.runs.wait(thread_id, "asking", { input: human("and?") })).rejects.toThrow("interrupt_pending");
  });
});

test("what a graph keeps for itself never leaves, and exposed keys do", async () => {
  const { thread_id } = await client.threads.create();
  const streamMode = [
    "values",
    "updates",
    "messages",
    "messages-tuple",
    "custom",
    "events",
    "tasks",
    "checkpoints",
    "debug",
  ] as const;
  const chunks = await all(
    client.runs.stream(thread_id, "secretive", { input: { ...human("hi"), plan: "A" }, streamMode: [...streamMode] }),
  );
  expect(named(chunks, "values").at(-1)).toMatchObject({ plan: "A!" });
  expect(named(chunks, "custom")).toEqual([{ percent: 50 }]);
  expect(named(chunks, "messages/complete")).toContainEqual([expect.objectContaining({ content: "Done." })]);
  const [last] = named(chunks, "values").slice(-1) as [{ messages: object[] }];
  expect(last.messages).toMatchObject([
    { type: "human" },
    { type: "ai", id: "m1", tool_calls: [{ id: "c1", name: "look", args: { for: "it" } }] },
    { type: "tool", tool_call_id: "c1", name: "look", content: "found", status: "success" },
    { type: "ai", id: "m3" },
  ]);
  const everything = JSON.stringify([
    chunks,
    await client.threads.getState(thread_id),
    await client.threads.getHistory(thread_id),
    await client.threads.search({ limit: 100 }),
    await client.assistants.getGraph("secretive"),
    await client.assistants.getSchemas("secretive"),
  ]);
  expect(everything).not.toContain(CANARY);
  expect(everything).not.toContain("hidden");
  expect(everything).not.toContain('"secret"');
});

test("RemoteGraph invokes an agent, with a thread and without", async () => {
  const remote = new RemoteGraph({ graphId: "chat", url: `${sluice.url}/langgraph` });
  model.say("Hi").end();
  expect(texts(await remote.invoke(human("hello")))).toEqual(["human: hello", "ai: Hi"]);
  const configurable = { thread_id: "remote" };
  model.say("Kept").end();
  await remote.invoke(human("keep"), { configurable });
  const { values } = await remote.getState({ configurable });
  expect(texts(values)).toEqual(["human: keep", "ai: Kept"]);
  expect((await remote.getGraphAsync()).nodes).toHaveProperty("chat");
  expect(await client.threads.search({ limit: 100 })).not.toContainEqual(
    expect.objectContaining({ values: { messages: [{ content: "hello" }] } }),
  );
});

test("RemoteGraph streams, is stopped by a question, and answers it", async () => {
  const remote = new RemoteGraph({ graphId: "chat", url: `${sluice.url}/langgraph` });
  model.say("Hel", "lo").end();
  const pieces = [];
  for await (const [chunk] of await remote.stream(human("hello"), { streamMode: "messages" }))
    pieces.push(chunk.content);
  expect(pieces.join("")).toBe("Hello");
  const asks = new RemoteGraph({ graphId: "asking", url: `${sluice.url}/langgraph` });
  const configurable = { thread_id: "remote-asks" };
  const asked = asks.invoke(human("do it"), { configurable });
  await expect(asked).rejects.toMatchObject({ interrupts: [{ value: { question: "Go on?" } }] });
  const { tasks } = await asks.getState({ configurable });
  expect(tasks[0]?.interrupts).toMatchObject([{ value: { question: "Go on?" } }]);
  const answered = await asks.invoke(new Command({ resume: "yes" }), { configurable });
  expect(texts(answered)).toEqual(["human: do it", "ai: You said yes."]);
});

describe("a run without a thread", () => {
  /** Starts such a run, and cuts its client off after the first word. */
  async function cutOff(more: { onCompletion?: "delete" | "keep" } = {}) {
    let place: { run_id: string; thread_id?: string } | undefined;
    const cut = new AbortController();
    const stream = client.runs.stream(null, "chat", {
      input: human("hi"),
      streamMode: "messages-tuple",
      onDisconnect: "continue",
      onRunCreated: (run) => {
        place = run;
      },
      signal: cut.signal,
      ...more,
    });
    model.say("Hel");
    for await (const { event } of stream) if (event === "messages") cut.abort();
    return { threadId: String(place?.thread_id), runId: String(place?.run_id) };
  }
  const statusOf = (threadId: string) =>
    client.threads.get(threadId).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );

  test("goes on when its client is cut off, can be joined, and is gone after it", async () => {
    const { threadId, runId } = await cutOff();
    expect(await client.runs.get(threadId, runId)).toMatchObject({ status: "running" });
    const follows = vi.spyOn(RunManager.prototype, "follow");
    const joined = client.runs.join(threadId, runId);
    const read = all(client.runs.joinStream(threadId, runId, { streamMode: "values" }));
    await expect.poll(() => follows.mock.calls.length).toBe(2);
    model.say("lo").end();
    expect(texts(await joined)).toEqual(["human: hi", "ai: Hello"]);
    expect(texts(named(await read, "values").at(-1))).toEqual(["human: hi", "ai: Hello"]);
    await expect.poll(() => statusOf(threadId)).toBe(404);
  });

  test("keeps its thread if its client wants that", async () => {
    const { threadId, runId } = await cutOff({ onCompletion: "keep" });
    model.say("lo").end();
    await client.runs.join(threadId, runId);
    const another = await cutOff();
    model.say("lo").end();
    await expect.poll(() => statusOf(another.threadId)).toBe(404);
    expect(texts((await client.threads.getState(threadId)).values)).toEqual(["human: hi", "ai: Hello"]);
  });
});

test("assistants are the agents, and what is not served says so", async () => {
  expect(await client.assistants.search()).toMatchObject([{ assistant_id: "chat" }, { graph_id: "asking" }, {}]);
  expect(await client.assistants.search({ graphId: "asking" })).toHaveLength(1);
  expect(await client.assistants.get("chat")).toMatchObject({ graph_id: "chat" });
  await expect(client.assistants.get("nobody")).rejects.toThrow("404");
  expect(await client.assistants.count({ graphId: "asking" })).toBe(1);
  expect(await client.assistants.getSubgraphs("chat", { namespace: "model" })).toEqual({});
  await expect(client.crons.search()).rejects.toThrow("501");
  await expect(client.store.listNamespaces()).rejects.toThrow("501");
  await expect(client.runs.wait(null, "chat", { input: human("x"), webhook: "http://x.test" })).rejects.toThrow("501");
});

test("a client goes back by sending a message that it changes under its own id; a checkpoint it cannot name", async () => {
  const { thread_id: thread } = await client.threads.create();
  const say = (id: string, content: string, answer: string, more: object = {}) => {
    model.say(answer).end();
    return client.runs.wait(thread, "chat", { input: { messages: [{ type: "human", id, content }] }, ...more });
  };
  await say("h1", "first", "One.");
  await say("h2", "second", "Two.");
  await say("h1", "changed", "Another.");
  const { values, checkpoint } = await client.threads.getState<{ messages: { content: string }[] }>(thread);
  expect(values.messages.map(({ content }) => content)).toEqual(["changed", "Another."]);
  const asks = { input: human("back"), checkpoint };
  await expect(client.runs.wait(thread, "chat", asks as never)).rejects.toThrow("checkpoint");
});

/** All that the SDK's clients of assistants, threads and runs may do beside what is served. */
const refused: Readonly<Record<string, () => unknown>> = {
  "assistants.create": () => client.assistants.create({ graphId: "chat" }),
  "assistants.update": () => client.assistants.update("chat", { graphId: "chat" }),
  "assistants.delete": () => client.assistants.delete("chat"),
  "assistants.getVersions": () => client.assistants.getVersions("chat"),
  "assistants.setLatest": () => client.assistants.setLatest("chat", 1),
  "threads.copy": () => client.threads.copy("t"),
  "threads.update": () => client.threads.update("t", { metadata: { owner: "me" } }),
  "threads.patchState": () => client.threads.patchState("t", { owner: "me" }),
  "threads.count": () => client.threads.count(),
  "threads.prune": () => client.threads.prune(["t"]),
  "threads.joinStream": async () => {
    for await (const _ of client.threads.joinStream("t"));
  },
  "runs.create": () => client.runs.create(null, "chat", { input: null }),
  "runs.createBatch": () => client.runs.createBatch([{ assistantId: "chat", input: null }]),
  "runs.cancelMany": () => client.runs.cancelMany({ status: "all" }),
  "runs.delete": () => client.runs.delete("t", "r"),
  "crons.create": () => client.crons.create("chat"),
  "store.putItem": () => client.store.putItem(["a"], "k", {}),
};

test.each(Object.keys(refused))("%s is answered with 501 and a sentence", async (name) => {
  await expect(refused[name]?.()).rejects.toThrow(/501.*"message":"[^"]+\."/s);
});
