/** Tool calls: several at once, tools that change the state themselves, and tools that only the client can run. */

import { HttpAgent } from "@ag-ui/client";
import { AIMessage, type BaseMessage, isToolMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Command,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType, type Tool } from "../../../src/protocol/events.ts";
import { downgrade } from "../../../src/protocol/generations.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { calls, gate, ScriptedModel } from "./scripted-model.ts";
import { ofType, said, silentInput, stored, turn } from "./turns.ts";

type State = typeof MessagesAnnotation.State;

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

const wantsTools = ({ messages }: State) => {
  const last = messages.at(-1);
  return AIMessage.isInstance(last) && last.tool_calls?.length ? "tools" : END;
};

/** A model in a loop with its tools. */
function looping(model: ScriptedModel, tools: ConstructorParameters<typeof ToolNode>[0]) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "model")
    .addConditionalEdges("model", wantsTools, ["tools", END])
    .addEdge("tools", "model")
    .compile({ checkpointer: memory() });
}

const resultsIn = (prompt: BaseMessage[]) => prompt.filter(isToolMessage);

describe("two tool calls in one message", () => {
  it("run side by side, and each result names its own call, whichever is done first", async () => {
    const second = gate();
    const weather = tool(
      async ({ city }: { city: string }) => {
        if (city === "Rome") await second.passed; // asked for first, answered last
        return `${city}: sunny`;
      },
      { name: "weather", schema: z.object({ city: z.string() }) },
    );
    const model = new ScriptedModel((prompt) =>
      resultsIn(prompt).length === 0
        ? [calls(["weather", { city: "Rome" }, "call-rome"], ["weather", { city: "Oslo" }, "call-oslo"])]
        : ["Sunny, both."],
    );
    sluice = await startSluice({ main: { graph: looping(model, [weather]) } });
    const input = userInput("weather?");
    const run = await postRun(sluice.url, input);
    await run.until(EventType.TOOL_CALL_RESULT);
    second.open();
    const events = await run.done;

    expect(ofType(events, EventType.TOOL_CALL_START)).toMatchObject([
      { toolCallId: "call-rome", toolCallName: "weather", parentMessageId: "answer-1" },
      { toolCallId: "call-oslo", toolCallName: "weather", parentMessageId: "answer-1" },
    ]);
    expect(ofType(events, EventType.TOOL_CALL_ARGS)).toMatchObject([
      { toolCallId: "call-rome", delta: '{"city":"Rome"}' },
      { toolCallId: "call-oslo", delta: '{"city":"Oslo"}' },
    ]);
    expect(ofType(events, EventType.TOOL_CALL_RESULT)).toMatchObject([
      { toolCallId: "call-oslo", content: "Oslo: sunny" },
      { toolCallId: "call-rome", content: "Rome: sunny" },
    ]);
    expect(said(events)).toEqual(["Sunny, both."]);
    expect(await stored(sluice.url, input.threadId)).toMatchObject([
      { role: "user" },
      { role: "assistant", toolCalls: [{ id: "call-rome" }, { id: "call-oslo" }] },
      { role: "tool", toolCallId: "call-oslo" },
      { role: "tool", toolCallId: "call-rome" },
      { role: "assistant", content: "Sunny, both." },
    ]);
  });

  it("fail one by one: the other's result still arrives, and no stack with the error", async () => {
    const divide = tool(
      ({ by }: { by: number }) => {
        if (by === 0) throw new Error("Cannot divide by nothing.");
        return String(12 / by);
      },
      { name: "divide", schema: z.object({ by: z.number() }) },
    );
    const model = new ScriptedModel((prompt) =>
      resultsIn(prompt).length === 0
        ? [calls(["divide", { by: 0 }, "call-zero"], ["divide", { by: 3 }, "call-three"])]
        : ["Four; the other cannot be done."],
    );
    sluice = await startSluice({ main: { graph: looping(model, [divide]) } });
    const events = await turn(sluice.url, "main", userInput("divide"));
    const results = ofType(events, EventType.TOOL_CALL_RESULT);
    expect(results.find(({ toolCallId }) => toolCallId === "call-three")).toMatchObject({ content: "4" });
    expect(results.filter(({ toolCallId }) => toolCallId === "call-zero")).toMatchObject([
      { content: "Cannot divide by nothing.", metadata: { error: "Cannot divide by nothing." } },
    ]);
    expect(said(events)).toEqual(["Four; the other cannot be done."]);
  });
});

describe("a tool that returns a Command", () => {
  it("is sent like any other: one call, one result, taken from the message it adds to the state", async () => {
    const handOver = tool(
      () =>
        new Command({ update: { messages: [new ToolMessage({ content: "Handed over.", tool_call_id: "call-1" })] } }),
      { name: "hand_over", schema: z.object({}) },
    );
    const model = new ScriptedModel((prompt) =>
      resultsIn(prompt).length === 0 ? [calls(["hand_over", {}, "call-1"])] : ["Over to you."],
    );
    sluice = await startSluice({ main: { graph: looping(model, [handOver]) } });
    const events = await turn(sluice.url, "main", userInput("hand over"));
    expect(ofType(events, EventType.TOOL_CALL_START)).toMatchObject([{ toolCallId: "call-1" }]);
    expect(ofType(events, EventType.TOOL_CALL_END)).toMatchObject([{ toolCallId: "call-1" }]);
    expect(ofType(events, EventType.TOOL_CALL_RESULT)).toMatchObject([
      { toolCallId: "call-1", content: "Handed over." },
    ]);
    expect(said(events)).toEqual(["Over to you."]);
  });
});

describe("a call that nobody answers", () => {
  it.each([true, false])(
    "has a result, for clients and for a graph that gets the conversation back (memory: %s)",
    async (keeps) => {
      const router = new ScriptedModel(() => [calls(["extract", { mood: "good" }, "call-mood"])], "router");
      const prompts: BaseMessage[][] = [];
      const model = new ScriptedModel((prompt) => {
        prompts.push(prompt);
        return ["Fine."];
      });
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("route", async ({ messages }) => {
          await router.invoke(messages); // Output that is only read, as `withStructuredOutput` makes it.
          return {};
        })
        .addNode("answer", async ({ messages }) => ({ messages: await model.invoke(messages) }))
        .addEdge(START, "route")
        .addEdge("route", "answer")
        .compile({ checkpointer: keeps ? memory() : false });
      sluice = await startSluice({ main: { graph } });
      const input = userInput("hi");
      const first = await turn(sluice.url, "main", input);
      expect(first.filter(({ type }) => type === EventType.TOOL_CALL_RESULT)).toMatchObject([
        { toolCallId: "call-mood", content: "The graph took the arguments. No tool ran." },
      ]);
      await turn(sluice.url, "main", userInput("again", { threadId: input.threadId }));
      const read = [
        ["ai", ""],
        ["tool", "The graph took the arguments. No tool ran."],
      ];
      expect(prompts[1]?.map((message) => [message.type, message.text])).toEqual([
        ["human", "hi"],
        ...(keeps ? [] : read),
        ["ai", "Fine."],
        ["human", "again"],
      ]);
    },
  );
});

describe("a tool the client runs itself", () => {
  const colour: Tool = {
    name: "set_colour",
    description: "Colours the page.",
    parameters: { type: "object", properties: { to: { type: "string" } } },
  };

  /** Binds what the client offers; ends when the model calls one of those tools. */
  function offering(seen: unknown[]) {
    const model = new ScriptedModel((prompt, tools) => {
      seen.push(tools);
      return resultsIn(prompt).length === 0 ? [calls(["set_colour", { to: "red" }, "call-red"])] : ["It is red now."];
    });
    const answer = async ({ messages }: State, config: LangGraphRunnableConfig) => {
      const offered = config.configurable?.ag_ui as { tools: Tool[] } | undefined;
      return { messages: await model.bindTools(offered?.tools ?? []).invoke(messages, config) };
    };
    return new StateGraph(MessagesAnnotation)
      .addNode("model", answer)
      .addEdge(START, "model")
      .addEdge("model", END)
      .compile({ checkpointer: memory() });
  }

  it("reaches the graph; its call ends the run unanswered, and its result begins the next one", async () => {
    const seen: unknown[] = [];
    sluice = await startSluice({ main: { graph: offering(seen) } });
    const input = userInput("red, please", { tools: [colour] });
    const first = await turn(sluice.url, "main", input);
    expect(seen).toEqual([[colour]]);
    expect(ofType(first, EventType.TOOL_CALL_RESULT)).toEqual([]);
    expect(first.at(-1)).toMatchObject({
      type: EventType.RUN_FINISHED,
      outcome: { type: "success", pendingToolCallIds: ["call-red"] },
    });

    const held = await stored(sluice.url, input.threadId);
    const result = { id: "result-1", role: "tool" as const, toolCallId: "call-red", content: "done" };
    const next = silentInput({ threadId: input.threadId, tools: [colour], messages: [...held, result] });
    const second = await turn(sluice.url, "main", next);
    expect(said(second)).toEqual(["It is red now."]);
    expect(second.at(-1)).not.toHaveProperty("outcome");
    expect(await stored(sluice.url, input.threadId)).toMatchObject([
      { role: "user" },
      { role: "assistant", toolCalls: [{ id: "call-red" }] },
      { role: "tool", id: "result-1", content: "done" },
      { role: "assistant", content: "It is red now." },
    ]);
  });

  it("sends an older client nothing it could not take: the run just ends", async () => {
    sluice = await startSluice({ main: { graph: offering([]) } });
    const { protocolVersion: _, ...input } = userInput("red, please", { tools: [colour] });
    const events = await turn(sluice.url, "main", input);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(events.at(-1)).not.toHaveProperty("outcome");
    expect(events).toEqual(events.map(downgrade));
  });

  it.each([
    ["1.0.0", HttpAgent],
    ["0.0.59", HttpAgent0 as unknown as typeof HttpAgent],
  ])("leaves its call in the messages of @ag-ui/client %s, which adds the result and runs again", async (_, Agent) => {
    sluice = await startSluice({ main: { graph: offering([]) } });
    const agent = new Agent({ url: `${sluice.url}/agui` });
    agent.addMessage({ id: "u", role: "user", content: "red, please" });
    const ends: AguiEvent[] = [];
    const noting = { onRunFinishedEvent: ({ event }: { event: AguiEvent }) => void ends.push(event) };
    await agent.runAgent({ tools: [colour] }, noting);
    expect(agent.messages.at(-1)).toMatchObject({ role: "assistant", toolCalls: [{ id: "call-red" }] });
    agent.addMessage({ id: "r", role: "tool", toolCallId: "call-red", content: "done" });
    await agent.runAgent({ tools: [colour] }, noting);
    expect(agent.messages.at(-1)).toMatchObject({ role: "assistant", content: "It is red now." });
    expect(ends).toHaveLength(2);
  });

  it("is no longer pending when the graph answered the call after all", async () => {
    const ownColour = tool(() => "coloured on the server", { name: "set_colour", schema: z.object({}) });
    const model = new ScriptedModel((prompt) =>
      resultsIn(prompt).length === 0 ? [calls(["set_colour", {}, "call-red"])] : ["Done."],
    );
    sluice = await startSluice({ main: { graph: looping(model, [ownColour]) } });
    const events = await turn(sluice.url, "main", userInput("red", { tools: [colour] }));
    expect(ofType(events, EventType.TOOL_CALL_RESULT)).toMatchObject([{ toolCallId: "call-red" }]);
    expect(events.at(-1)).not.toHaveProperty("outcome");
  });
});
