/** CopilotKit's own client, as it comes from npm, with Sluice as its runtime: over many routes, and over one. */
import { randomUUID } from "node:crypto";
import {
  CopilotKitCore,
  CopilotKitCoreRuntimeConnectionStatus,
  ɵcreateThreadStore as createThreadStore,
} from "@copilotkit/core";
import { AIMessage } from "@langchain/core/messages";
import { Annotation, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frontendToolChoice } from "../../src/authoring/frontend-tools.ts";
// The client connects only in a page.
import "../support/react-hook.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

const model = new SteppedModel();

const State = Annotation.Root({ ...MessagesAnnotation.spec, plan: Annotation<string>() });

/** Suggests where that is asked for, and plans otherwise. */
const planning = new StateGraph(State)
  .addNode("work", (_state, config) => {
    if (frontendToolChoice(config) === undefined) return { plan: "walk", messages: [new AIMessage("Planned.")] };
    const args = { suggestions: [{ title: "More", message: "Tell me more" }] };
    const call = { id: "s1", name: "copilotkitSuggest", args };
    return { messages: [new AIMessage({ content: "", tool_calls: [call] })] };
  })
  .addEdge(START, "work")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({
    chat: { graph: chatGraph(model) },
    planning: { graph: planning, entry: { state: ["plan"] } },
  });
});
afterAll(() => sluice.close());

async function connected(runtimeTransport: "rest" | "single" | "auto"): Promise<CopilotKitCore> {
  const core = new CopilotKitCore({ runtimeUrl: `${sluice.url}/agui`, runtimeTransport, deferInitialConnection: true });
  core.connect();
  await expect
    .poll(() => core.runtimeConnectionStatus, { interval: 5 })
    .toBe(CopilotKitCoreRuntimeConnectionStatus.Connected);
  return core;
}

function agentOf(core: CopilotKitCore, name: string, threadId: string) {
  const agent = core.getAgent(name);
  if (!agent) throw new Error(`There is no ${name}.`);
  agent.threadId = threadId;
  agent.setMessages([]);
  return agent;
}

async function ask(core: CopilotKitCore, name: string, threadId: string, content: string) {
  const agent = agentOf(core, name, threadId);
  agent.addMessage({ id: randomUUID(), role: "user", content });
  await core.runAgent({ agent });
  return agent.messages.map(({ role, content }) => `${role}: ${String(content)}`);
}

async function json(path: string) {
  const response = await fetch(`${sluice.url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe.each(["rest", "single"] as const)("over %s", (transport) => {
  test("chats, shows the history again, and stops", async () => {
    const core = await connected(transport);
    const threadId = randomUUID();
    model.say("Hel", "lo").end();
    const lines = ["user: hi", "assistant: Hello"];
    expect(await ask(core, "chat", threadId, "hi")).toEqual(lines);
    const again = agentOf(await connected(transport), "chat", threadId);
    await core.connectAgent({ agent: again });
    expect(again.messages.map(({ role, content }) => `${role}: ${String(content)}`)).toEqual(lines);
    model.say("never");
    const asked = ask(core, "chat", threadId, "go");
    const said = () => core.getAgent("chat")?.messages.at(-1)?.content;
    await expect.poll(said, { interval: 5 }).toBe("never");
    const asking = core.getAgent("chat");
    if (asking) core.stopAgent({ agent: asking });
    await asked;
    await expect
      .poll(async () => (await json(`/threads/${threadId}`)).body.lastRun)
      .toMatchObject({
        outcome: "cancelled",
      });
  });

  test("lists threads, names them, puts them away and deletes them", async () => {
    const core = await connected(transport);
    expect(core.threadEndpoints).toEqual({ list: true, inspect: true, mutations: true, realtimeMetadata: false });
    const ids = ["a", "b", "c"].map((name) => `${transport}-${name}`);
    for (const id of ids) await ask(core, "planning", id, `Hello from ${id}`);
    const store = createThreadStore({ fetch: core.ɵruntimeFetch });
    store.start();
    const names = () =>
      store.getState().threads.flatMap(({ id, name }) => (id.startsWith(transport) ? [String(name)] : []));
    const shows = (...expected: string[]) => expect.poll(names, { interval: 5 }).toEqual(expected);
    const context = { runtimeUrl: `${sluice.url}/agui`, headers: {}, agentId: "planning", limit: 2 };
    store.setContext(context);
    const [a = "", b = "", c = ""] = ids;
    await shows(`Hello from ${c}`, `Hello from ${b}`);
    expect(store.getState().nextCursor).not.toBeNull();
    store.fetchNextPage();
    await shows(`Hello from ${c}`, `Hello from ${b}`, `Hello from ${a}`);
    await store.renameThread(b, "Mine");
    await store.archiveThread(a);
    store.setContext({ ...context, limit: 50 });
    await shows(`Hello from ${c}`, "Mine");
    store.setContext({ ...context, limit: 50, includeArchived: true });
    await shows(`Hello from ${c}`, "Mine", `Hello from ${a}`);
    await store.unarchiveThread(a);
    await store.deleteThread(c);
    store.setContext({ ...context, limit: 50 });
    await shows("Mine", `Hello from ${a}`);
    store.stop();
    expect((await json(`/threads/${c}`)).status).toBe(404);
  });
});

test("threads are not deleted all at once", async () => {
  await ask(await connected("rest"), "planning", "stays", "plan");
  const headers = { "content-type": "application/json" };
  const single = { method: "resource/request", params: { path: "/threads/clear", httpMethod: "POST" } };
  for (const [path, body] of [
    ["/agui/threads/clear", {}],
    ["/agui", single],
  ] as const) {
    const answer = await fetch(`${sluice.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("DELETE /agui/threads/")]);
  }
  expect((await json("/threads/stays")).status).toBe(200);
});

test("a client that tries finds the many routes", async () => {
  expect((await connected("auto")).runtimeTransport).toBe("rest");
});

test("suggestions come, and leave no thread", async () => {
  const core = await connected("rest");
  const before = await json("/threads?limit=100");
  core.addSuggestionsConfig({
    instructions: "Be brief.",
    providerAgentId: "planning",
    consumerAgentId: "chat",
    available: "always",
  });
  agentOf(core, "chat", randomUUID());
  core.reloadSuggestions("chat");
  const suggested = () => core.getSuggestions("chat").suggestions;
  await expect.poll(suggested).toMatchObject([{ title: "More", message: "Tell me more", isLoading: false }]);
  await expect.poll(() => json("/threads?limit=100")).toEqual(before);
});

test("suggestions never touch a thread that is there", async () => {
  const core = await connected("rest");
  const threadId = randomUUID();
  await ask(core, "planning", threadId, "plan");
  const body = JSON.stringify({ threadId, runId: randomUUID(), messages: [], tools: [], context: [] });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${sluice.url}/agui/agent/planning/suggest`, { method: "POST", headers, body });
  expect(answer.status).toBe(400);
  expect((await json(`/threads/${threadId}/messages`)).body.messages).toHaveLength(2);
});

test("a thread can be inspected: its messages, where it stands, and its state", async () => {
  const core = await connected("rest");
  const threadId = randomUUID();
  await ask(core, "planning", threadId, "plan");
  const thread = `/agui/threads/${threadId}`;
  expect((await json(`${thread}/messages`)).body).toMatchObject({
    messages: [
      { role: "user", content: "plan" },
      { role: "assistant", content: "Planned." },
    ],
  });
  expect((await json(`${thread}/state`)).body).toEqual({ state: { plan: "walk" } });
  const { events } = (await json(`${thread}/events`)).body as { events: { type: string }[] };
  expect(events.map(({ type }) => type)).toEqual([
    "RUN_STARTED",
    "MESSAGES_SNAPSHOT",
    "STATE_SNAPSHOT",
    "RUN_FINISHED",
  ]);
  for (const part of ["messages", "state", "events"]) {
    expect((await json(`/agui/threads/${randomUUID()}/${part}`)).status).toBe(404);
  }
});

test("/agent/NAME is /agent/NAME/run, and an envelope without sense is refused", async () => {
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${sluice.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return `${response.status} ${await response.text()}`;
  };
  const input = { threadId: randomUUID(), runId: "r", messages: [{ id: "u", role: "user", content: "plan" }] };
  expect(await post("/agui/agent/planning", input)).toContain("RUN_FINISHED");
  // An input with a member of that name is not an envelope.
  expect(await post("/agui/agent/planning", { ...input, runId: "r2", method: "info" })).toContain("RUN_FINISHED");
  expect(await post("/agui", { method: "info" })).toContain('"mode":"sse"');
  expect(await post("/agui", { method: "agent/run", params: {} })).toMatch(/^400 .*params\.agentId/);
  expect(await post("/agui", { method: "agent/guess" })).toMatch(/^501 .*valid are info/);
  for (const path of ["/info", "/threadsX", "/../threads"]) {
    expect(await post("/agui", { method: "resource/request", params: { path } })).toMatch(/^501 /);
  }
});
