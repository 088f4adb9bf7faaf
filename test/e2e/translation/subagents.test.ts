/** Subagents over the wire: for late readers, after the run, for both generations of clients, and in other formats. */
import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createDeepAgent } from "deepagents";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect } from "../../support/ws-client.ts";
import { brain } from "../ecosystem/brain.ts";
import { ofType, stored } from "./turns.ts";

let model: SteppedModel;
let sluice: TestSluice;

function graph() {
  const expert = new StateGraph(MessagesAnnotation)
    .addNode("think", async ({ messages }, config) => ({ messages: [await model.invoke(messages, config)] }))
    .addEdge(START, "think")
    .compile();
  return new StateGraph(MessagesAnnotation)
    .addNode("expert", expert)
    .addNode("sum", () => ({ messages: [new AIMessage({ id: "sum", content: "In short." })] }))
    .addEdge(START, "expert")
    .addEdge("expert", "sum")
    .compile({ checkpointer: memory() });
}

beforeEach(async () => {
  model = new SteppedModel();
  sluice = await startSluice({ main: { graph: graph(), entry: { subagents: true } } }, { AI_SDK_API: "true" });
});
afterEach(() => sluice.close());

describe("a subagent on the wire", () => {
  it("is open for a client that comes in the middle, and its words are its own in the thread", async () => {
    const input = userInput("hi");
    const run = await postRun(sluice.url, input);
    model.say("Well, ");
    await run.until(EventType.TEXT_MESSAGE_CONTENT);
    const late = await postRun(sluice.url, input, "/agui/agent/main/connect?protocol=1.0");
    await late.until(EventType.TEXT_MESSAGE_CONTENT);
    model.say("yes.").end();
    const [events, rest] = [await run.done, await late.done];
    for (const sequence of [events, rest]) await verifyRun(sequence);
    const [begun] = ofType(rest, EventType.SUBAGENT_STARTED);
    expect(begun).toMatchObject({ name: "expert" });
    const subagentRunId = begun?.subagentRunId;
    expect(ofType(rest, EventType.STEP_STARTED)).toContainEqual(
      expect.objectContaining({ stepName: "expert/think", subagentRunId }),
    );
    expect(ofType(rest, EventType.TEXT_MESSAGE_START)[0]).toMatchObject({ subagentRunId });
    expect(ofType(rest, EventType.SUBAGENT_FINISHED)).toMatchObject([{ subagentRunId }]);
    const messages = await stored(sluice.url, input.threadId);
    expect(messages).toMatchObject([{ role: "user" }, { content: "Well, yes.", subagentRunId }, { id: "sum" }]);
    expect(messages.at(-1)).not.toHaveProperty("subagentRunId");
  });

  it("is reported to a client that asks for tokens alone, or for no tokens", async () => {
    for (const asked of ["events=on_chat_model_*", "tokens=false"]) {
      const run = await postRun(sluice.url, userInput("hi"), `/agui?protocol=1.0&${asked}`);
      model.say("Well.").end();
      const events = await run.done;
      await verifyRun(events);
      const [begun] = ofType(events, EventType.SUBAGENT_STARTED);
      expect(begun).toMatchObject({ name: "expert" });
      const { subagentRunId } = begun ?? {};
      expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT)).toContainEqual(
        expect.objectContaining({ delta: "Well.", subagentRunId }),
      );
      expect(ofType(events, EventType.SUBAGENT_FINISHED)).toMatchObject([{ subagentRunId }]);
    }
  });

  it("is reported to older clients as custom events, one for one", async () => {
    const run = await postRun(sluice.url, { ...userInput("hi"), protocolVersion: undefined } as never);
    model.say("Well.").end();
    const events = await run.done;
    await verifyRun(events);
    const reports = ofType(events, EventType.CUSTOM).filter(({ name }) => name.startsWith("SUBAGENT_"));
    expect(reports.map(({ name }) => name)).toEqual(["SUBAGENT_STARTED", "SUBAGENT_FINISHED"]);
    expect(reports[0]?.value).toMatchObject({ name: "expert", subagentRunId: expect.any(String) });
    expect(events.some(({ type }) => type.startsWith("SUBAGENT_"))).toBe(false);
  });

  it("is a line around its words in the text format", async () => {
    const client = await connect(`${sluice.ws}/ws?thread=t&format=text`);
    client.send("hi");
    model.say("Well.").end();
    await client.until((frame) => frame === "[done]");
    expect(client.frames.filter((frame) => !frame.startsWith("connected"))).toEqual([
      "[subagent] expert",
      "Well.",
      "[/subagent] expert",
      "In short.",
      "[done]",
    ]);
    await client.close();
  });

  it("is a report to the AI SDK's clients", async () => {
    const body = { id: "t", messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "hi" }] }] };
    const response = fetch(`${sluice.url}/ai-sdk/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    model.say("Well.").end();
    const chunks = (await (await response).text())
      .split("\n")
      .flatMap((line) =>
        line.startsWith("data: {") ? [JSON.parse(line.slice(6)) as { type: string; data?: AguiEvent }] : [],
      );
    expect(chunks.filter(({ type }) => type === "data-subagent")).toMatchObject([
      { data: { report: "SUBAGENT_STARTED", name: "expert" }, transient: true },
      { data: { report: "SUBAGENT_FINISHED" }, transient: true },
    ]);
  });
});

it("a filter holds subagents also where the agent does not report them", async () => {
  for (const { entry, texts } of [
    { entry: { filter: { subagents: [] } }, texts: ["In short."] },
    { entry: {}, texts: ["Well.", "In short."] },
  ]) {
    const served = await startSluice({ main: { graph: graph(), entry } });
    const run = await postRun(served.url, userInput("hi"));
    model.say("Well.").end();
    const events = await run.done;
    await served.close();
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).map(({ delta }) => delta)).toEqual(texts);
  }
});

it("a question names the subagent that asks, and the subagents that wait for its answer name the question", async () => {
  const asker = new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage({ id: "so", content: `So: ${interrupt("Really?")}` })] }))
    .addEdge(START, "ask")
    .compile();
  const expert = new StateGraph(MessagesAnnotation)
    .addNode("call", async (state, config) => ({ messages: (await asker.invoke(state, config)).messages }))
    .addEdge(START, "call")
    .compile();
  const team = new StateGraph(MessagesAnnotation)
    .addNode("expert", expert)
    .addNode("own", () => ({ messages: [new AIMessage({ id: "own", content: interrupt("Mine?") })] }))
    .addEdge(START, "expert")
    .addEdge("expert", "own")
    .compile({ checkpointer: memory() });
  const served = await startSluice({ main: { graph: team, entry: { subagents: true } } });
  const input = userInput("hi");
  const events = await (await postRun(served.url, input)).done;
  await verifyRun(events);
  const [outer, inner] = ofType(events, EventType.SUBAGENT_STARTED);
  const asked = asks(events);
  expect(asked).toMatchObject([{ message: "Really?", subagentRunId: inner?.subagentRunId }]);
  const outcome = { type: "suspended", interruptIds: asked.map(({ id }) => id) };
  expect(ofType(events, EventType.SUBAGENT_FINISHED)).toMatchObject([
    { subagentRunId: inner?.subagentRunId, outcome },
    { subagentRunId: outer?.subagentRunId, outcome },
  ]);
  // The served graph's own question names none.
  const resume = [{ interruptId: asked[0]?.id, status: "resolved", payload: "yes" }];
  const rest = await (await postRun(served.url, { ...input, runId: randomUUID(), messages: [], resume } as never)).done;
  await verifyRun(rest);
  await served.close();
  expect(asks(rest)).toMatchObject([{ message: "Mine?" }]);
  expect(asks(rest)[0]).not.toHaveProperty("subagentRunId");
  expect(ofType(rest, EventType.SUBAGENT_FINISHED).map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
});

function asks(events: readonly AguiEvent[]) {
  const [{ outcome } = {}] = ofType(events, EventType.RUN_FINISHED);
  return outcome?.type === "interrupt" ? outcome.interrupts : [];
}

it("each task of a deepagents agent is a subagent of its call, also when two run at once", async () => {
  const mind = await brain();
  const deep = createDeepAgent({
    model: mind.model(),
    checkpointer: memory(),
    subagents: [
      { name: "digger", description: "Digs.", systemPrompt: "Dig.", tools: [] },
      { name: "cook", description: "Cooks.", systemPrompt: "Cook.", tools: [] },
    ],
  });
  const served = await startSluice({ main: { graph: deep, entry: { subagents: true } } });
  const task = (description: string, subagent_type: string) => `task ${JSON.stringify({ description, subagent_type })}`;
  const run = await postRun(served.url, userInput(`${task("dig now", "digger")} & ${task("cook now", "cook")} | Bye.`));
  const events = await run.done;
  await verifyRun(events);
  await served.close();
  await mind.close();
  const begun = ofType(events, EventType.SUBAGENT_STARTED);
  const calls = ofType(events, EventType.TOOL_CALL_START).filter(({ toolCallName }) => toolCallName === "task");
  expect(calls.map(({ subagentRunId }) => subagentRunId)).toEqual([undefined, undefined]);
  expect(new Set(begun.map(({ parentToolCallId }) => parentToolCallId))).toEqual(
    new Set(calls.map(({ toolCallId }) => toolCallId)),
  );
  expect(begun.map(({ name }) => name).sort()).toEqual(["cook", "digger"]);
  for (const { subagentRunId, name } of begun) {
    const own = ofType(events, EventType.TEXT_MESSAGE_CONTENT).filter((event) => event.subagentRunId === subagentRunId);
    expect(own.map(({ delta }) => delta).join("")).toBe(name === "cook" ? "Answer: cook now" : "Answer: dig now");
  }
  expect(ofType(events, EventType.SUBAGENT_FINISHED)).toHaveLength(2);
});
