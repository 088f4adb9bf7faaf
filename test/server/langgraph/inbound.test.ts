/** Input that LangGraph's clients may not send: everything that could steer a graph. */
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";

/** The input of the graph in the last run. */
let seen: { state: unknown; configurable: Record<string, unknown>; context: unknown } | undefined;
let sluice: TestSluice;

beforeAll(async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("look", (state, { configurable = {}, context }) => {
      seen = { state, configurable, context };
      return {};
    })
    .addEdge(START, "look")
    .compile({ checkpointer: memory() });
  const entry = { clientContext: ["tone"] };
  const asks = new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage(`answered: ${interrupt("Go on?")}`)] }))
    .addEdge(START, "ask")
    .compile({ checkpointer: memory() });
  sluice = await startSluice({ agent: { graph, entry }, asks: { graph: asks } }, { LANGGRAPH_API: "true" });
});
afterAll(() => sluice.close());

async function post(path: string, body: object) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${sluice.url}/langgraph${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const messages = [{ type: "human", content: "hi" }];
const run = { assistant_id: "agent", input: { messages } };

const REFUSED: readonly (readonly [string, object])[] = [
  ["input.other", { input: { messages, other: 1 } }],
  ["input.user", { input: { messages, user: "root" } }],
  ["command.update", { input: null, command: { update: { secret: 1 } } }],
  ["command.goto", { input: null, command: { goto: "hidden" } }],
  ["command.goto", { input: null, command: { resume: 1, goto: "hidden" } }],
  ["command.parent", { command: { parent: "x" } }],
  ["config.configurable.user", { config: { configurable: { user: { id: "root" } } } }],
  ["config.configurable.thread_id", { config: { configurable: { thread_id: "another" } } }],
  ["config.configurable.checkpoint_ns", { config: { configurable: { checkpoint_ns: "x" } } }],
  ["config.configurable.model", { config: { configurable: { model: "dear" } } }],
  ["config.metadata.any", { config: { metadata: { any: "thing" } } }],
  ["config.tags", { config: { tags: ["nostream"] } }],
  ["config.callbacks", { config: { callbacks: [{}] } }],
  ["metadata.any", { metadata: { any: "thing" } }],
  ["context.other", { context: { other: "x" } }],
  ["checkpoint", { checkpoint: { checkpoint_id: "x" } }],
  ["checkpoint_id", { checkpoint_id: "x" }],
  ["interrupt_before", { interrupt_before: ["look"] }],
  ["interrupt_after", { interrupt_after: "*" }],
  ["after_seconds", { after_seconds: 5 }],
  ["langsmith_tracer", { langsmith_tracer: { project_name: "x" } }],
  ["made_up", { made_up: true }],
];

test.each(REFUSED)("%s is refused with its name, on every route that starts a run", async (field, more) => {
  seen = undefined;
  for (const path of [
    "/threads/t/runs/stream",
    "/threads/t/runs/wait",
    "/threads/t/runs",
    "/runs/stream",
    "/runs/wait",
  ]) {
    const { status, text } = await post(path, { ...run, ...more });
    expect([path, status, text]).toEqual([path, 403, expect.stringContaining(`"message":"${field}: clients may not`)]);
  }
  const command = { id: 1, method: "run.start", params: { ...run, ...more } };
  const { status, text } = await post("/threads/t/commands", command);
  expect([status, text]).toEqual([403, expect.stringContaining(`"message":"${field}: clients may not`)]);
  expect(seen).toBeUndefined();
});

test("an answer with a command is refused in the same words", async () => {
  await post("/threads/asked/runs/wait", { assistant_id: "asks", input: { messages } });
  const state = JSON.parse((await (await fetch(`${sluice.url}/langgraph/threads/asked/state`)).text()) as string) as {
    tasks: [{ interrupts: [{ id: string }] }];
  };
  const answer = { interrupt_id: state.tasks[0].interrupts[0].id, response: "yes" };
  for (const [field, more] of [
    ["command.update", { update: { secret: 1 } }],
    ["command.goto", { goto: "hidden" }],
    ["config.configurable.user", { config: { configurable: { user: { id: "root" } } } }],
    ["metadata.any", { metadata: { any: 1 } }],
    ["context.other", { context: { other: 1 } }],
    ["checkpoint", { checkpoint: { checkpoint_id: "x" } }],
    ["interrupt_before", { interrupt_before: ["ask"] }],
  ] as const) {
    const command = { id: 1, method: "input.respond", params: { ...answer, ...more } };
    const { status, text } = await post("/threads/asked/commands", command);
    expect([status, text]).toEqual([403, expect.stringContaining(`"message":"${field}: clients may not`)]);
  }
});

test.each([
  ["assistant_id", { assistant_id: 7 }],
  ["stream_mode", { stream_mode: ["everything"] }],
  ["multitask_strategy", { multitask_strategy: "rollback" }],
  ["on_disconnect", { on_disconnect: "explode" }],
  ["input", { input: "hi" }],
  ["input.messages.0", { input: { messages: [7] } }],
  ["input.messages.0.type", { input: { messages: [{ type: "remove", id: "m1" }] } }],
  ["input.messages.0.type", { input: { messages: [{ type: "constructor", content: "x" }] } }],
  ["command.resume", { input: null, command: { resume: "yes" } }],
  ["context", { context: ["tone"] }],
  ["metadata", { metadata: "x" }],
])("%s that is not valid is a bad request", async (field, more) => {
  const { status, text } = await post("/threads/t/runs/wait", { ...run, ...more });
  expect([status, text]).toEqual([400, expect.stringContaining(field)]);
});

test("an answer may be null", async () => {
  const input = { messages };
  const ask = async (body: object) =>
    (await post("/threads/nothing/runs/wait", { assistant_id: "asks", ...body })).text;
  expect(await ask({ input })).toContain("__interrupt__");
  expect(await ask({ command: { resume: null } })).toContain('"answered: null"');
});

test("empty fields, and those that clients send as they come, change nothing", async () => {
  const { status } = await post("/threads/known/runs/wait", {
    ...run,
    config: { configurable: {}, tags: [], metadata: { thread_id: "another" }, recursion_limit: 1 },
    metadata: { graph_id: "x" },
    context: { tone: "kind" },
    checkpoint: null,
    interrupt_before: [],
    stream_resumable: true,
    if_not_exists: "create",
    durability: "exit",
  });
  expect(status).toBe(200);
  expect(seen).toMatchObject({ configurable: { thread_id: "known" }, context: { tone: "kind" } });
  expect(Object.keys(seen?.configurable ?? {})).not.toContain("tone");
});

test("a client's tools and context come in the keys that AG-UI's own adapter writes", async () => {
  const tool = { name: "look", description: "Looks.", parameters: { type: "object" } };
  const tools = [{ type: "function", name: "look", function: tool }];
  const context = [{ description: "page", value: "home" }];
  for (const more of [
    { tools, "ag-ui": { tools, context } },
    { "ag-ui": { tools, context } },
    { copilotkit: { actions: tools, context } },
  ]) {
    expect(await post("/runs/wait", { ...run, input: { messages, ...more } })).toMatchObject({ status: 200 });
    expect(seen?.configurable.ag_ui).toMatchObject({ tools: [tool], context });
  }
  const none = { tools: [], "ag-ui": { tools: [], context: [] }, copilotkit: { actions: [] } };
  expect(await post("/runs/wait", { ...run, input: { messages, ...none } })).toMatchObject({ status: 200 });
  const wrong = await post("/runs/wait", { ...run, input: { messages, tools: [{ function: { name: 7 } }] } });
  expect(wrong).toMatchObject({ status: 400, text: expect.stringContaining("tools.0.name") });
  const schemas = await fetch(`${sluice.url}/langgraph/assistants/agent/schemas`);
  const { input_schema: taken } = (await schemas.json()) as { input_schema: { properties: object } };
  expect(Object.keys(taken.properties).sort()).toEqual(["ag-ui", "copilotkit", "messages", "tools"]);
});

test("the routes are there only when they are wanted", async () => {
  const plain = await startSluice({ agent: { graph: chat() } });
  expect((await fetch(`${plain.url}/langgraph/ok`)).status).toBe(404);
  await plain.close();
  expect(await (await fetch(`${sluice.url}/langgraph/ok`)).json()).toEqual({ ok: true });
});

function chat() {
  return new StateGraph(MessagesAnnotation)
    .addNode("a", () => ({}))
    .addEdge(START, "a")
    .compile();
}
