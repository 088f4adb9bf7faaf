/** LangGraph's Agent Streaming Protocol as it goes over the wire. */
import { AIMessage } from "@langchain/core/messages";
import { Annotation, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";

const CANARY = "canary-77e0";
const model = new SteppedModel();

const State = Annotation.Root({ ...MessagesAnnotation.spec, secret: Annotation<string>() });
const secretive = new StateGraph(State)
  .addNode("hidden", () => ({ secret: CANARY }))
  .addNode("asks", (_, config) => {
    config.writer?.({ name: "progress", value: 1 });
    const [one, two] = [interrupt("One?"), interrupt("Two?")];
    return { messages: [new AIMessage({ id: "a", content: `${one} ${two}` })] };
  })
  .addEdge(START, "hidden")
  .addEdge("hidden", "asks")
  .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice(
    {
      chat: { graph: chatGraph(model) },
      secretive: { graph: secretive, entry: { filter: { nodes: { exclude: ["hidden"] } } } },
    },
    { LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "5" },
  );
});
afterAll(() => sluice.close());

interface ProtocolEvent {
  readonly event_id: string;
  readonly seq: number;
  readonly method: string;
  readonly params: { readonly namespace: string[]; readonly data: { event?: string; [key: string]: unknown } };
}

const headers = { "content-type": "application/json" };
const ALL = ["values", "updates", "messages", "tools", "lifecycle", "input", "custom", "checkpoints", "tasks"];

let ids = 0;
async function command(threadId: string, method: string, params: object) {
  const body = JSON.stringify({ id: ids++, method, params });
  const response = await fetch(`${sluice.url}/langgraph/threads/${threadId}/commands`, {
    method: "POST",
    headers,
    body,
  });
  return {
    status: response.status,
    ...((await response.json()) as { type: string; result?: object; message?: string; code?: string }),
  };
}

const human = (content: string) => ({ messages: [{ type: "human", content }] });
const start = (threadId: string, agent: string) =>
  command(threadId, "run.start", { assistant_id: agent, input: human("hi") });

/** The events up to the end of so many runs. */
async function watch(threadId: string, runs: number, wanted: object = {}): Promise<ProtocolEvent[]> {
  const leave = new AbortController();
  const body = JSON.stringify({ channels: ALL, ...wanted });
  const init = { method: "POST", headers, body, signal: leave.signal };
  const response = await fetch(`${sluice.url}/langgraph/threads/${threadId}/stream/events`, init);
  const events: ProtocolEvent[] = [];
  let text = "";
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(bytes);
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data) events.push(JSON.parse(data) as ProtocolEvent);
    }
    if (events.filter(isEnd).length >= runs) break;
  }
  leave.abort();
  return events;
}

const isEnd = ({ method, params }: ProtocolEvent) =>
  method === "lifecycle" && ["completed", "failed", "interrupted"].includes(params.data.event ?? "");

test("the events of a run are the same for every client and each time, and each has an id of its own", async () => {
  expect(await start("same", "chat")).toMatchObject({
    status: 200,
    type: "success",
    result: { run_id: expect.any(String) },
  });
  model.say("a", "b");
  const live = watch("same", 1);
  model.say("c").end();
  const [first, second] = [await live, await watch("same", 1)];
  expect(second).toEqual(first);
  expect(new Set(first.map(({ event_id }) => event_id)).size).toBe(first.length);
  expect(first.map(({ seq }) => seq)).toEqual([...first.map(({ seq }) => seq)].sort((a, b) => a - b));
  const messages = first.filter(({ method }) => method === "messages").map(({ params }) => params.data);
  expect(messages.map(({ event }) => event).filter((event) => event !== "content-block-delta")).toEqual([
    "message-start",
    "content-block-start",
    "content-block-finish",
    "message-finish",
  ]);
  const words = messages.flatMap(({ delta }) => (delta ? [(delta as { text: string }).text] : []));
  expect(words.join("")).toBe("abc");

  const middle = first[Math.floor(first.length / 2)];
  expect(await watch("same", 1, { since: middle?.seq })).toEqual(first.filter(({ seq }) => seq > (middle?.seq ?? 0)));
  expect(await watch("same", 1, { channels: ["lifecycle"] })).toEqual(
    first.filter(({ method }) => method === "lifecycle"),
  );
  const ofRoot = first.filter(({ params }) => params.namespace.length === 0);
  expect(ofRoot.length).toBeLessThan(first.length);
  expect(await watch("same", 1, { namespaces: [[]], depth: 0 })).toEqual(ofRoot);
  const inNode = await watch("same", 0, { namespaces: [["chat"]] });
  expect(inNode.every(({ params }) => params.namespace[0]?.startsWith("chat:"))).toBe(true);
});

test("a client that is far behind gets every event under its own id", async () => {
  const tokens = Array.from({ length: 300 }, (_, index) => `${index} `);
  await start("long", "chat");
  model.say("first ");
  const live = watch("long", 1);
  for (const token of tokens) model.say(token);
  model.end();
  expect(await watch("long", 1)).toEqual(await live);
});

test("several questions are answered at once; nothing else of the graph is to be had or steered", async () => {
  await start("ask", "secretive");
  const asked = await watch("ask", 1);
  const questions = asked.filter(({ method }) => method === "input.requested").map(({ params }) => params.data);
  expect(questions).toMatchObject([{ interrupt_id: expect.any(String), payload: "One?" }]);
  expect(asked.find(({ method }) => method === "custom")?.params.data).toEqual({ name: "progress", payload: 1 });
  const [{ interrupt_id } = {}] = questions;
  for (const [field, more] of [
    ["command.update", { update: { secret: "mine" } }],
    ["command.goto", { goto: "hidden" }],
    ["config.configurable.user", { config: { configurable: { user: "root" } } }],
    ["config.configurable.thread_id", { config: { configurable: { thread_id: "other" } } }],
    ["metadata.any", { metadata: { any: 1 } }],
  ] as const) {
    const answer = { namespace: [], interrupt_id, response: "yes", ...more };
    expect(await command("ask", "input.respond", answer)).toMatchObject({
      status: 403,
      type: "error",
      message: expect.stringContaining(field),
    });
    const run = { assistant_id: "secretive", input: human("x"), ...more };
    const started = await command("ask", "run.start", run);
    expect([field, started.status]).toEqual([field, 403]);
  }
  expect(await command("ask", "input.respond", { interrupt_id: "another", response: 1 })).toMatchObject({
    type: "error",
  });
  await command("ask", "input.respond", {
    responses: [{ interrupt_id, response: "yes" }],
    config: { configurable: { thread_id: "ask" } },
  });
  const [second] = (await watch("ask", 1)).filter(({ method }) => method === "input.requested");
  expect(second?.params.data.payload).toBe("Two?");
  await command("ask", "input.respond", {
    namespace: [],
    interrupt_id: second?.params.data.interrupt_id,
    response: "no",
  });
  const last = await watch("ask", 1);
  expect(last.findLast(({ method }) => method === "values")?.params.data).toMatchObject({
    messages: [{ content: "hi" }, { content: "yes no" }],
  });
  const state = await command("ask", "state.get", { namespace: [] });
  expect(state).toMatchObject({ result: { values: { messages: [{}, { content: "yes no" }] } } });
  const everything = JSON.stringify([asked, last, state]);
  for (const secret of [CANARY, "hidden", '"secret"']) expect(everything).not.toContain(secret);
});

test("commands that are not known, and bodies that are not valid, are named", async () => {
  for (const method of ["state.fork", "subscription.subscribe", "made.up"]) {
    expect(await command("t", method, {})).toMatchObject({ status: 501, type: "error", error: "unknown_command" });
  }
  expect(await command("t", "run.start", { input: null })).toMatchObject({ status: 400, error: "invalid_argument" });
  expect(await command("t", "input.respond", { interrupt_id: "x" })).toMatchObject({ status: 400, type: "error" });
  const body = JSON.stringify({ channels: [] });
  expect(
    (await fetch(`${sluice.url}/langgraph/threads/t/stream/events`, { method: "POST", headers, body })).status,
  ).toBe(400);
});
