/** Runs without input: they go on where the thread's last run failed or was cancelled, as on LangGraph's own server. */
import { AIMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client } from "@langchain/langgraph-sdk";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { SteppedModel } from "../../support/stepped-model.ts";

let model: SteppedModel;
let noted = 0;
/** Called when the graph has stored the checkpoint of a step. */
let afterStep: (step: unknown) => Promise<void> = async () => {};

class Saver extends MemorySaver {
  override async put(...[config, checkpoint, metadata]: Parameters<MemorySaver["put"]>) {
    const stored = await super.put(config, checkpoint, metadata);
    await afterStep(metadata.step);
    return stored;
  }
}

const graph = () =>
  new StateGraph(MessagesAnnotation)
    .addNode("note", () => {
      noted += 1;
      return { messages: [new AIMessage("noted")] };
    })
    .addNode("answer", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addEdge(START, "note")
    .addEdge("note", "answer");

interface Values {
  readonly messages: readonly { readonly type: string; readonly content: string }[];
}

let sluice: TestSluice;
let client: Client<Values>;
beforeAll(async () => {
  const agents = {
    keeps: { graph: graph().compile({ checkpointer: new Saver() }) },
    forgets: { graph: graph().compile() },
  };
  sluice = await startSluice(agents, { LANGGRAPH_API: "true" });
  client = new Client({ apiUrl: `${sluice.url}/langgraph`, apiKey: null, callerOptions: { maxRetries: 0 } });
});
afterAll(() => sluice.close());
beforeEach(() => {
  model = new SteppedModel();
  noted = 0;
});

const wait = async (thread: string, agent: string, content?: string) => {
  const input = content === undefined ? null : { messages: [{ type: "human" as const, content }] };
  return (await client.runs.wait(thread, agent, { input })) as unknown as Values;
};
const texts = ({ messages }: Values) => messages.map(({ content }) => content);

/** A thread whose last run failed in the middle of its answer. */
async function failed(agent: string): Promise<string> {
  const { thread_id: thread } = await client.threads.create();
  model.say("Hal").fail(new Error("down"));
  await expect(wait(thread, agent, "one")).rejects.toThrow("down");
  expect((await client.threads.getState(thread)).next).toEqual(["agent"]);
  return thread;
}

test("a graph that keeps its thread goes on with the node that failed, whose half answer is taken back", async () => {
  const thread = await failed("keeps");
  model.say("Whole.").end();
  expect(texts(await wait(thread, "keeps"))).toEqual(["one", "noted", "Whole."]);
  expect(noted).toBe(1);
  expect(model.prompts).toEqual([
    ["one", "noted"],
    ["one", "noted"],
  ]);
  const state = await client.threads.getState(thread);
  expect([texts(state.values), state.next, state.tasks]).toEqual([["one", "noted", "Whole."], [], []]);
  model.say("Second.").end();
  expect(texts(await wait(thread, "keeps", "two"))).toEqual(["one", "noted", "Whole.", "two", "noted", "Second."]);
});

test("a graph that keeps nothing answers the last question again", async () => {
  const thread = await failed("forgets");
  model.say("Whole.").end();
  expect(texts(await wait(thread, "forgets"))).toEqual(["one", "noted", "Whole."]);
  expect(model.prompts.at(-1)).toEqual(["one", "noted"]);
});

test("it may fail again, and be tried again", async () => {
  const thread = await failed("keeps");
  model.say("Who").fail(new Error("still down"));
  await expect(wait(thread, "keeps")).rejects.toThrow("still down");
  model.say("Whole.").end();
  expect(texts(await wait(thread, "keeps"))).toEqual(["one", "noted", "Whole."]);
  expect(noted).toBe(1);
});

test("another agent answers the last question again", async () => {
  const thread = await failed("forgets");
  model.say("Whole.").end();
  expect(texts(await wait(thread, "keeps"))).toEqual(["one", "noted", "Whole."]);
});

/** A thread whose last run was cancelled in the middle of its answer. */
async function cancelled(agent: string): Promise<string> {
  const { thread_id: thread } = await client.threads.create();
  model.say("Hal");
  const { run_id: run } = await client.runs.create(thread, agent, {
    input: { messages: [{ type: "human", content: "one" }] },
  });
  const isSaid = async () => texts((await client.threads.getState(thread)).values).includes("noted");
  await expect.poll(isSaid).toBe(true);
  await expect.poll(() => model.prompts.length).toBe(1);
  await client.runs.cancel(thread, run, true);
  return thread;
}

test.each(["keeps", "forgets"])("%s: a cancelled run goes on, and its half answer is taken back", async (agent) => {
  const thread = await cancelled(agent);
  // A page would show a thread with a next task, and without an error, as one that waits at a breakpoint.
  expect((await client.threads.getState(thread)).next).toEqual([]);
  model.say("Whole.").end();
  expect(texts(await wait(thread, agent))).toEqual(["one", "noted", "Whole."]);
  expect(noted).toBe(agent === "keeps" ? 1 : 2);
  model.say("Second.").end();
  expect(texts(await wait(thread, agent, "two"))).toEqual(["one", "noted", "Whole.", "two", "noted", "Second."]);
});

test("a run that was cancelled after the graph's last step has nothing to go on with", async () => {
  const { thread_id: thread } = await client.threads.create();
  afterStep = async (step) => {
    if (step !== 2) return;
    const [run] = await client.runs.list(thread);
    await client.runs.cancel(thread, String(run?.run_id));
  };
  model.say("Whole.").end();
  await wait(thread, "keeps", "one");
  afterStep = async () => {};
  expect(await client.runs.list(thread)).toMatchObject([{ status: "interrupted" }]);
  await expect(wait(thread, "keeps")).rejects.toThrow("nothing left to do");
  expect(texts((await client.threads.getState(thread)).values)).toEqual(["one", "noted", "Whole."]);
});

test("without a run that was stopped there is nothing to go on with", async () => {
  const { thread_id: thread } = await client.threads.create();
  await expect(wait(thread, "keeps")).rejects.toThrow("input: must be an object");
  model.say("First.").end();
  await wait(thread, "keeps", "one");
  await expect(wait(thread, "keeps")).rejects.toThrow("input: must be an object");
});
