/** Input that LangGraph's clients may send because the agent's `accepts` lists it. */
import { Annotation, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkAgents } from "../../../src/config/agents.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";

const State = Annotation.Root({ ...MessagesAnnotation.spec, plan: Annotation<string>(), secret: Annotation<string>() });

interface Seen {
  readonly node: string;
  readonly state: typeof State.State;
  readonly configurable: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
  readonly context: unknown;
}

let seen: Seen[] = [];
const look =
  (node: string, asks = false) =>
  (state: typeof State.State, config: { configurable?: object; metadata?: object; context?: unknown }) => {
    const { configurable = {}, metadata = {}, context } = config;
    seen.push({ node, state, configurable: { ...configurable }, metadata: { ...metadata }, context });
    if (asks && state.plan === "ask") interrupt("Go on?");
    return {};
  };

const graph = () =>
  new StateGraph(State)
    .addNode("first", look("first", true))
    .addNode("second", look("second"), { ends: ["aside"] })
    .addNode("aside", look("aside"))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .compile({ checkpointer: memory() });

const ALL = ["configurable.model", "input.secret", "context", "metadata", "goto", "update"];
let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice(
    {
      open: {
        graph: graph(),
        entry: {
          state: ["plan"],
          configurable: { model: "cheap" },
          accepts: [...ALL, "interrupt_before", "interrupt_after"],
        },
      },
      some: { graph: graph(), entry: { accepts: ["configurable.model", "goto"] } },
    },
    { LANGGRAPH_API: "true" },
  );
});
afterAll(() => sluice.close());
beforeEach(() => {
  seen = [];
});

let threads = 0;
async function run(body: object, threadId = `t${threads++}`) {
  const response = await fetch(`${sluice.url}/langgraph/threads/${threadId}/runs/wait`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const input = { messages: [{ type: "human", content: "hi" }] };
const open = { assistant_id: "open", input };

test("values reach the graph where it looks for them, over the agent's own", async () => {
  const { status } = await run({
    ...open,
    input: { ...input, secret: "s", plan: "p" },
    config: { configurable: { model: "dear" }, metadata: { tenant: "acme" } },
    metadata: { plan: "gold" },
    context: { tone: "kind" },
  });
  expect(status).toBe(200);
  expect(seen.map(({ node }) => node)).toEqual(["first", "second"]);
  expect(seen[0]).toMatchObject({
    state: { secret: "s", plan: "p" },
    configurable: { model: "dear" },
    metadata: { tenant: "acme", plan: "gold", agent: "open" },
    context: { tone: "kind", model: "cheap" },
  });
});

test("a command goes to a node and changes the state, alone or with an answer", async () => {
  expect((await run(open, "command")).status).toBe(200);
  seen = [];
  const sent = await run(
    { assistant_id: "open", input: null, command: { goto: ["aside"], update: { secret: "new" } } },
    "command",
  );
  expect([sent.status, seen.map(({ node }) => node)]).toEqual([200, ["aside"]]);
  expect(seen[0]?.state).toMatchObject({ secret: "new", messages: [{ content: "hi" }] });

  await run({ ...open, input: { ...input, plan: "ask" } }, "asked");
  seen = [];
  const goto = [{ node: "aside", input: { secret: "sent" } }];
  const answered = await run(
    { assistant_id: "open", command: { resume: "yes", goto, update: { secret: "kept", plan: "" } } },
    "asked",
  );
  expect(answered.status).toBe(200);
  expect(seen.find(({ node }) => node === "aside")?.state).toMatchObject({ secret: "sent" });
  expect(seen.find(({ node }) => node === "second")?.state).toMatchObject({ secret: "kept" });
});

test("the graph pauses before and after the nodes that a client names", async () => {
  expect((await run({ ...open, interrupt_before: ["second"] }, "pause")).status).toBe(200);
  expect(seen.map(({ node }) => node)).toEqual(["first"]);
  expect(await run({ assistant_id: "open", input: null }, "pause")).toMatchObject({ status: 200 });
  expect(seen.map(({ node }) => node)).toEqual(["first", "second"]);
  seen = [];
  await run({ ...open, interrupt_after: "*" });
  expect(seen.map(({ node }) => node)).toEqual(["first"]);
});

test.each<[string, object]>([
  ["config.configurable.user", { config: { configurable: { user: "root" } } }],
  ["config.configurable.thread_id", { config: { configurable: { thread_id: "another" } } }],
  ["config.configurable.checkpoint_ns", { config: { configurable: { checkpoint_ns: "x" } } }],
  ["config.configurable.other", { config: { configurable: { model: "dear", other: 1 } } }],
  ["context.user", { context: { user: "root" } }],
  ["context.thread_id", { context: { thread_id: "another" } }],
  ["metadata.user", { metadata: { user: "root" } }],
  ["metadata.langgraph_node", { metadata: { langgraph_node: "second" } }],
  ["config.metadata.user_id", { config: { metadata: { user_id: "root" } } }],
  ["input.user", { input: { ...input, user: "root" } }],
  ["command.update.user", { command: { update: { user: "root" } } }],
  ["command.graph", { command: { graph: "PARENT" } }],
  ["checkpoint", { checkpoint: { checkpoint_id: "x" } }],
  ["config.tags", { config: { tags: ["nostream"] } }],
])("%s is refused whatever the agent accepts", async (field, more) => {
  const { status, text } = await run({ ...open, ...more });
  expect([status, text]).toEqual([403, expect.stringContaining(`"message":"${field}: clients may not`)]);
  expect(seen).toEqual([]);
});

test("an agent accepts what it lists, and nothing else of the kind", async () => {
  const body = { assistant_id: "some", input };
  expect((await run({ ...body, config: { configurable: { model: "dear" } }, command: { goto: "aside" } })).status).toBe(
    200,
  );
  for (const [field, more] of [
    ["command.update", { command: { update: { secret: "x" } } }],
    ["metadata.plan", { metadata: { plan: "gold" } }],
    ["context.tone", { context: { tone: "kind" } }],
    ["input.secret", { input: { ...input, secret: "s" } }],
    ["interrupt_before", { interrupt_before: ["second"] }],
  ] as const) {
    const { status, text } = await run({ ...body, ...more });
    expect([status, text]).toEqual([403, expect.stringContaining(`"${field}: clients may not`)]);
  }
});

test.each<[string, object]>([
  ["command.goto", { command: { goto: 7 } }],
  ["command.goto", { command: { goto: [{ node: "aside" }] } }],
  ["command.update", { command: { update: "x" } }],
  ["interrupt_before", { interrupt_before: [7] }],
  ["context", { context: "x" }],
])("%s that is accepted, and not valid, is a bad request", async (field, more) => {
  const { status, text } = await run({ ...open, ...more });
  expect([status, text]).toEqual([400, expect.stringContaining(field)]);
});

test.each([
  "context.tone",
  "Metadata",
  "configurable",
  "configurable.",
  "configurable.user",
  "configurable.thread_id",
  "configurable.checkpoint_ns",
  "configurable.models",
  "input.user",
  "checkpoint_id",
  "interruptBefore",
])("an entry that accepts %s stops the start", (member) => {
  const entry = { agents: { a: { graph: "g.mjs:graph", accepts: ["goto", member] } } };
  expect(() => checkAgents("agents.json", entry)).toThrow(
    "agents.json, agents.a.accepts.1: valid are context, metadata",
  );
});

test("so does a key of the state that the graph does not have", async () => {
  const { checkNames } = await import("../../../src/app/known-names.ts");
  const { agents } = checkAgents("agents.json", { agents: { a: { graph: "g", accepts: ["input.secrte"] } } });
  const entry = agents.a as NonNullable<typeof agents.a>;
  expect(() => checkNames([{ name: "a", entry, graph: graph() as never }])).toThrow('no state key "secrte"');
});
