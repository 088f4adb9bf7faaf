/**
 * Apps for LangGraph's server, compared with a recorded list of their calls. Each test makes the same calls of
 * LangGraph's SDK as the app: agent-chat-ui (fdc87e6), Agent Inbox (f38301b) and deep-agents-ui (f6a4f34).
 */
import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import { Annotation, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client } from "@langchain/langgraph-sdk";
import { useStream } from "@langchain/langgraph-sdk/react";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Rendered, renderHook } from "../../support/react-hook.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { SteppedModel } from "../../support/stepped-model.ts";

/** Each test has its own: no run of another test takes its words. */
let model: SteppedModel;
const REQUEST = {
  action_requests: [{ name: "send", arguments: { to: "Ann" } }],
  review_configs: [{ action_name: "send", allowed_decisions: ["approve"] }],
};
const State = Annotation.Root({ ...MessagesAnnotation.spec, files: Annotation<Record<string, string>>() });

/** Answers; asks first where the message says so. */
const graph = new StateGraph(State)
  .addNode("chat", async ({ messages }) => {
    if (!messages.at(-1)?.text.startsWith("send")) return { messages: await model.invoke(messages) };
    const decided = interrupt(REQUEST);
    return { messages: new AIMessage(JSON.stringify(decided)) };
  })
  .addEdge(START, "chat")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
let api: string;
/** What went over the wire, with ids by their names. */
let calls: string[] = [];
beforeAll(async () => {
  const entry = { state: ["files"] };
  sluice = await startSluice({ agent: { graph, entry } }, { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "5" });
  api = `${sluice.url}/langgraph`;
});
afterAll(() => sluice.close());
beforeEach(async () => {
  const client = new Client({ apiUrl: api, apiKey: null });
  for (const { thread_id } of await client.threads.search({ limit: 100 })) await client.threads.delete(thread_id);
  model = new SteppedModel();
  calls = [];
});

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

async function recording(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  const path = String(input).slice(api.length);
  const body = typeof init?.body === "string" ? ` ${init.body}` : "";
  calls.push(`${response.status} ${init?.method ?? "GET"} ${path}${body}`.replaceAll(UUID, "ID"));
  return response;
}

const callerOptions = { maxRetries: 0, fetch: recording as typeof fetch };
const clientOf = (headers: Record<string, string> = {}) =>
  new Client({ apiUrl: api, apiKey: null, defaultHeaders: headers, callerOptions });

type Hook = ReturnType<typeof useStream<{ messages: { type: string; content: unknown }[] }>>;
interface Options {
  readonly threadId: string | null;
  readonly more?: object;
  readonly onThreadId?: (id: string) => void;
}

async function chat({ more, ...ids }: Options): Promise<Rendered<Hook>> {
  const options = { assistantId: "agent", fetchStateHistory: true, ...ids, ...more };
  return renderHook(() => useStream(options as never) as unknown as Hook);
}

const said = ({ messages }: Hook) => messages.map(({ type, content }) => `${type}: ${JSON.stringify(content)}`);
const shows =
  (...lines: string[]) =>
  (hook: Hook) =>
    said(hook).join() === lines.join() && !hook.isLoading;

test("agent-chat-ui", async () => {
  expect((await recording(`${api}/info`, { headers: { "X-Api-Key": "key" } })).ok).toBe(true);
  const ids = { threadId: "" };
  const more = { apiUrl: api, apiKey: "key", callerOptions };
  const page = await chat({ threadId: null, more, onThreadId: (id) => Object.assign(ids, { threadId: id }) });
  const streaming = { streamMode: ["values"], streamSubgraphs: true, streamResumable: true };
  const human = (id: string, text: string) => ({ id, type: "human", content: [{ type: "text", text }] });
  const hi = human(randomUUID(), "hi");
  model.say("Hello").end();
  void page.now.submit({ messages: [hi] } as never, { ...streaming, optimisticValues: { messages: [hi] } } as never);
  await page.until(shows('human: [{"type":"text","text":"hi"}]', 'ai: "Hello"'));
  const { threadId } = ids;
  page.unmount();

  const again = await chat({ threadId, more });
  await again.until((hook) => hook.messages.length === 2);
  const send = human(randomUUID(), "send it");
  void again.now.submit({ messages: [send] } as never, streaming as never);
  const { interrupt: asked } = await again.until((hook) => hook.interrupt !== undefined && !hook.isLoading);
  expect(asked).toMatchObject({ value: REQUEST });
  void again.now.submit({} as never, { command: { resume: { decisions: [{ type: "approve" }] } } });
  await again.until((hook) => hook.messages.length === 4 && !hook.isLoading);
  expect(said(again.now).at(-1)).toContain("approve");

  const wait = human(randomUUID(), "wait");
  void again.now.submit({ messages: [wait] } as never, streaming as never);
  model.say("Never");
  await again.until((hook) => said(hook).at(-1) === 'ai: "Never"');
  // Its stop closes the response. A resumable run goes on, as on LangGraph's server.
  await again.now.stop();
  model.end();
  await expect.poll(() => sluice.runs.activeCount).toBe(0);

  const ask = human(randomUUID(), "send more");
  void again.now.submit({ messages: [ask] } as never, streaming as never);
  await again.until((hook) => hook.interrupt !== undefined && !hook.isLoading);
  // "Mark as resolved" shows an error.
  void again.now.submit({} as never, { command: { goto: "__end__" } } as never);
  await again.until((hook) => hook.error !== undefined && !hook.isLoading);
  again.unmount();
  const threads = await clientOf().threads.search({ metadata: { graph_id: "agent" }, limit: 100 });
  expect(threads).toMatchObject([{ thread_id: threadId, status: "interrupted" }]);
  expect(calls).toEqual([
    "200 GET /info",
    '200 POST /threads {"metadata":{}}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":[{"type":"text","text":"hi"}]}]},"stream_mode":["values","messages-tuple"],"stream_subgraphs":true,"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":[{"type":"text","text":"send it"}]}]},"stream_mode":["values","messages-tuple"],"stream_subgraphs":true,"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":{},"command":{"resume":{"decisions":[{"type":"approve"}]}},"stream_mode":["messages-tuple","values"],"stream_resumable":false,"assistant_id":"agent","on_disconnect":"cancel"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":[{"type":"text","text":"wait"}]}]},"stream_mode":["values","messages-tuple"],"stream_subgraphs":true,"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":[{"type":"text","text":"send more"}]}]},"stream_mode":["values","messages-tuple"],"stream_subgraphs":true,"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '403 POST /threads/ID/runs/stream {"input":{},"command":{"goto":"__end__"},"stream_mode":["messages-tuple","values"],"stream_resumable":false,"assistant_id":"agent","on_disconnect":"cancel"}',
    '200 POST /threads/search {"metadata":{"graph_id":"agent"},"limit":100,"offset":0}',
  ]);
});

test("Agent Inbox", async () => {
  const client = clientOf({ "x-api-key": "key" });
  const thread = randomUUID();
  await client.runs.wait(thread, "agent", { input: { messages: [{ type: "human", content: "send it" }] } });
  calls = [];
  await recording(`${api}/info`, { method: "GET", headers: { "Content-Type": "application/json" } });
  const inbox = { offset: 0, limit: 10, metadata: { graph_id: "agent" } };
  const [found] = await client.threads.search({ ...inbox, status: "interrupted" });
  expect(found).toMatchObject({ thread_id: thread, status: "interrupted" });
  expect(Object.values(found?.interrupts ?? {})).toMatchObject([[{ value: REQUEST }]]);
  expect(await client.threads.get(thread)).toMatchObject({ status: "interrupted", interrupts: found?.interrupts });
  const { tasks } = await client.threads.getState(thread);
  expect(tasks.at(-1)?.interrupts.at(-1)).toMatchObject({ value: REQUEST });

  const events: string[] = [];
  const resume = [{ type: "accept", args: null }];
  for await (const { event } of client.runs.stream(thread, "agent", { command: { resume }, streamMode: "events" })) {
    events.push(event);
  }
  expect(events).not.toContain("error");
  expect(await client.threads.get(thread)).toMatchObject({ status: "idle" });

  await client.runs.wait(thread, "agent", { input: { messages: [{ type: "human", content: "send again" }] } });
  const { run_id } = await client.runs.create(thread, "agent", {
    command: { resume: [{ type: "ignore", args: null }] },
  });
  await client.runs.join(thread, run_id);
  expect(await client.threads.search({ ...inbox, status: "interrupted" })).toEqual([]);
  // "Mark as resolved" says that it failed.
  await expect(client.threads.updateState(thread, { values: null, asNode: "__end__" })).rejects.toThrow("501");
  expect(calls).toEqual([
    "200 GET /info",
    '200 POST /threads/search {"metadata":{"graph_id":"agent"},"limit":10,"offset":0,"status":"interrupted"}',
    "200 GET /threads/ID",
    "200 GET /threads/ID/state",
    '200 POST /threads/ID/runs/stream {"command":{"resume":[{"type":"accept","args":null}]},"stream_mode":"events","assistant_id":"agent"}',
    "200 GET /threads/ID/runs/ID",
    "200 GET /threads/ID",
    '200 POST /threads/ID/runs/wait {"input":{"messages":[{"type":"human","content":"send again"}]},"assistant_id":"agent"}',
    '200 POST /threads/ID/runs {"command":{"resume":[{"type":"ignore","args":null}]},"assistant_id":"agent"}',
    "200 GET /threads/ID/runs/ID/join?cancel_on_disconnect=0",
    '200 POST /threads/search {"metadata":{"graph_id":"agent"},"limit":10,"offset":0,"status":"interrupted"}',
    '501 POST /threads/ID/state {"values":null,"as_node":"__end__"}',
  ]);
});

test("deep-agents-ui", async () => {
  const client = clientOf({ "X-Api-Key": "key" });
  const assistants = await client.assistants.search({ graphId: "agent", limit: 100 });
  const assistant = assistants.find(({ metadata }) => metadata?.created_by === "system");
  expect(assistant?.assistant_id).toBe("agent");
  const ids: { threadId?: string } = {};
  const more = { client, reconnectOnMount: true, defaultHeaders: { "x-auth-scheme": "langsmith" } };
  const page = await chat({ threadId: null, more, onThreadId: (threadId) => Object.assign(ids, { threadId }) });
  const config = { recursion_limit: 100 };
  const hi = { id: randomUUID(), type: "human", content: "hi" };
  model.say("Hello").end();
  void page.now.submit({ messages: [hi] } as never, { config } as never);
  await page.until(shows('human: "hi"', 'ai: "Hello"'));
  const { threadId = "" } = ids;
  page.unmount();

  const again = await chat({ threadId, more });
  await again.until(shows('human: "hi"', 'ai: "Hello"'));
  const send = { id: randomUUID(), type: "human", content: "send it" };
  void again.now.submit({ messages: [send] } as never, { config } as never);
  await again.until((hook) => hook.interrupt !== undefined && !hook.isLoading);
  void again.now.submit(null as never, { command: { resume: { decisions: [{ type: "approve" }] } } });
  await again.until((hook) => hook.messages.length === 4 && !hook.isLoading);
  again.unmount();

  const page0 = { limit: 20, offset: 0, sortBy: "updated_at", sortOrder: "desc" } as const;
  const [last] = await client.threads.search(page0);
  expect(last).toMatchObject({
    thread_id: threadId,
    values: { messages: [{ type: "human", content: "hi" }, {}, {}, {}] },
  });
  // Files are changed by runs.
  await expect(client.threads.updateState(threadId, { values: { files: {} } })).rejects.toThrow("501");
  expect(calls).toEqual([
    '200 POST /assistants/search {"graph_id":"agent","limit":100,"offset":0}',
    '200 POST /threads {"metadata":{}}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":"hi"}]},"config":{"recursion_limit":100},"stream_mode":["messages-tuple","values"],"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":{"messages":[{"id":"ID","type":"human","content":"send it"}]},"config":{"recursion_limit":100},"stream_mode":["messages-tuple","values"],"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/ID/runs/stream {"input":null,"command":{"resume":{"decisions":[{"type":"approve"}]}},"stream_mode":["messages-tuple","values"],"stream_resumable":true,"assistant_id":"agent","on_disconnect":"continue"}',
    "200 GET /threads/ID/runs/ID",
    '200 POST /threads/ID/history {"limit":10}',
    '200 POST /threads/search {"limit":20,"offset":0,"sort_by":"updated_at","sort_order":"desc"}',
    '501 POST /threads/ID/state {"values":{"files":{}}}',
  ]);
});
