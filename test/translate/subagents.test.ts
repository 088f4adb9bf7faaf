/** Subagents of real graphs: which events belong to each, when they begin, and how they end. */
import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { createAgent } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SluiceError } from "../../src/protocol/errors.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { translate } from "./events.ts";
import { calling, lines, recorded, saying, sentBy, started } from "./subagent-runs.ts";

describe("a graph in a node", () => {
  it("is a subagent with the node's name, from its first event to the node's end", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("research", saying("found"))
      .addEdge(START, "research")
      .compile();
    expect(lines(await sentBy(graph))).toEqual([
      "STEP_STARTED research",
      "SUBAGENT_STARTED (research)",
      "STEP_STARTED research/write (research)",
      "TEXT_MESSAGE_START (research)",
      "TEXT_MESSAGE_END (research)",
      "STEP_FINISHED research/write (research)",
      "SUBAGENT_FINISHED (research)",
      "STEP_FINISHED research",
    ]);
  });

  it("names the subagent around it as its parent, and every event of a message is the inner one's", async () => {
    const outer = new StateGraph(MessagesAnnotation).addNode("deep", saying("x")).addEdge(START, "deep").compile();
    const graph = new StateGraph(MessagesAnnotation).addNode("outer", outer).addEdge(START, "outer").compile();
    const events = await sentBy(graph);
    const [first, second] = started(events);
    expect([first?.name, second?.name]).toEqual(["outer", "deep"]);
    expect(second?.parentSubagentRunId).toBe(first?.subagentRunId);
    expect(first?.parentSubagentRunId).toBeUndefined();
    const text = events.filter(({ type }) => type.startsWith("TEXT_MESSAGE"));
    expect(text.length).toBeGreaterThan(2);
    for (const event of text) expect(event).toMatchObject({ subagentRunId: second?.subagentRunId });
  });

  it("that fails and is tried again is another subagent", async () => {
    let tries = 0;
    const flaky = new StateGraph(MessagesAnnotation)
      .addNode("write", async () => {
        const message = await new FakeListChatModel({ responses: ["so"] }).invoke("");
        tries += 1;
        if (tries === 1) throw new Error("once");
        return { messages: [message] };
      })
      .addEdge(START, "write")
      .compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("research", (state) => flaky.invoke(state), {
        retryPolicy: { maxAttempts: 2, initialInterval: 1, logWarning: false },
      })
      .addEdge(START, "research")
      .compile();
    const events = await sentBy(graph);
    const ids = started(events).map(({ subagentRunId }) => subagentRunId);
    expect(new Set(ids).size).toBe(2);
    expect(lines(events).filter((line) => line.startsWith("SUBAGENT"))).toEqual([
      "SUBAGENT_STARTED (research)",
      "SUBAGENT_ERROR (research)",
      "SUBAGENT_STARTED (research)",
      "SUBAGENT_FINISHED (research)",
    ]);
  });
});

it("the state that a subagent's node sends is the run's", async () => {
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("write", async (_state, config) => {
      await dispatchCustomEvent("manually_emit_state", { n: 1 }, config);
      await dispatchCustomEvent("note", "mine", config);
      return {};
    })
    .addEdge(START, "write")
    .compile();
  const graph = new StateGraph(MessagesAnnotation).addNode("inner", inner).addEdge(START, "inner").compile();
  const events = translate(await recorded(graph), { subagents: true, stateKeys: ["n"] });
  const [state, note] = ["STATE_SNAPSHOT", "CUSTOM"].map((type) => events.find((event) => event.type === type));
  expect(state).toMatchObject({ snapshot: { n: 1 } });
  expect(state).not.toHaveProperty("subagentRunId");
  expect(note).toHaveProperty("subagentRunId", started(events)[0]?.subagentRunId);
});

it("the result of a subagent's call is its own, also where another node carries the call out later", async () => {
  const look = tool(() => "seen", { name: "look", schema: z.object({}) });
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("ask", calling({ id: "c1", name: "look" }))
    .addEdge(START, "ask")
    .compile();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("inner", inner)
    .addNode("tools", new ToolNode([look]))
    .addEdge(START, "inner")
    .addEdge("inner", "tools")
    .compile();
  const events = await sentBy(graph);
  const result = events.find(({ type }) => type === "TOOL_CALL_RESULT");
  expect(result).toHaveProperty("subagentRunId", started(events)[0]?.subagentRunId);
});

describe("a graph that a tool calls", () => {
  it("is a subagent of that call, also where one node carries out two calls at once", async () => {
    const ask = (name: string, text: string) =>
      tool(async () => (await saying(text).invoke({ messages: [] })).messages.at(-1)?.text ?? "", {
        name,
        schema: z.object({}),
      });
    const tools = new ToolNode([ask("historian", "in 1648"), ask("lawyer", "it is void")]);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "historian" }, { id: "c2", name: "lawyer" }))
      .addNode("tools", tools)
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    const events = await sentBy(graph);
    expect(started(events).map(({ name, parentToolCallId }) => [name, parentToolCallId])).toEqual([
      ["historian", "c1"],
      ["lawyer", "c2"],
    ]);
    const said = new Transcript([]);
    for (const event of events) said.push(event);
    const names = Object.fromEntries(started(events).map(({ subagentRunId, name }) => [subagentRunId, name]));
    const owned = said.messages.map(({ role, content, ...rest }) => [
      role,
      content,
      names["subagentRunId" in rest ? String(rest.subagentRunId) : ""],
    ]);
    expect(owned).toContainEqual(["assistant", "in 1648", "historian"]);
    expect(owned).toContainEqual(["assistant", "it is void", "lawyer"]);
    // The answer is the caller's, and comes after the subagent's end.
    expect(owned).toContainEqual(["tool", "in 1648", undefined]);
    const of = (id: string) => lines(events).indexOf(`TOOL_CALL_RESULT ${id}`);
    expect(lines(events).indexOf("SUBAGENT_FINISHED (historian)")).toBeLessThan(of("c1"));
    expect(lines(events).indexOf("SUBAGENT_FINISHED (lawyer)")).toBeLessThan(of("c2"));
  });

  it("has the name of its agent, where createAgent gave it one", async () => {
    const model = new FakeListChatModel({ responses: ["well"] });
    const expert = createAgent({ model, tools: [], name: "expert" });
    const delegate = tool(async () => (await expert.invoke({ messages: "go" })).messages.at(-1)?.text ?? "", {
      name: "delegate",
      schema: z.object({}),
    });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "delegate" }))
      .addNode("tools", new ToolNode([delegate]))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    expect(started(await sentBy(graph))).toMatchObject([{ name: "expert", parentToolCallId: "c1" }]);
  });

  it("ends with an error where the tool fails", async () => {
    const broken = tool(
      async () => {
        await saying("almost").invoke({ messages: [] });
        throw new Error("no more");
      },
      { name: "broken", schema: z.object({}) },
    );
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "broken" }))
      .addNode("tools", new ToolNode([broken]))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    const events = await sentBy(graph);
    expect(lines(events).filter((line) => line.startsWith("SUBAGENT"))).toEqual([
      "SUBAGENT_STARTED (broken)",
      "SUBAGENT_ERROR (broken)",
    ]);
  });
});

describe("the end of a run", () => {
  const asking = new StateGraph(MessagesAnnotation)
    .addNode("ask", async () => {
      await new FakeListChatModel({ responses: ["hm"] }).invoke("");
      return { messages: [new AIMessage(`so: ${interrupt("really?")}`)] };
    })
    .addEdge(START, "ask")
    .compile();
  const graph = () =>
    new StateGraph(MessagesAnnotation)
      .addNode("helper", asking)
      .addEdge(START, "helper")
      .compile({ checkpointer: new MemorySaver() });
  const ENDS = {
    asks: { kind: "interrupted", interrupts: [{ id: "i", reason: "input_required" }] },
    "is cancelled": { kind: "cancelled" },
    fails: { kind: "failed", error: new SluiceError("graph_error", "It broke.") },
  } as const;
  const closers = {
    asks: { type: "SUBAGENT_FINISHED", outcome: { type: "suspended" } },
    "is cancelled": { type: "SUBAGENT_ERROR", code: "cancelled" },
    fails: { type: "SUBAGENT_ERROR", code: "graph_error", message: "It broke." },
  };

  it.each(["asks", "is cancelled", "fails"] as const)("closes what is open when it %s", async (how) => {
    const events = await sentBy(graph(), ENDS[how]);
    expect(events.at(-2)).toMatchObject(closers[how]);
  });

  it("the run with the answer goes on with the same subagent", async () => {
    const served = graph();
    const [before] = started(translate(await recorded(served), { subagents: true, end: ENDS.asks }));
    const answered = translate(await recorded(served, { any: "yes" }), { subagents: true });
    const [after] = started(answered);
    expect(after?.subagentRunId).toBe(before?.subagentRunId);
    expect(lines(answered)).toContain("SUBAGENT_FINISHED (helper)");
  });
});

it("where nobody asks, graph events do not say their subagents", async () => {
  const graph = new StateGraph(MessagesAnnotation).addNode("inner", saying("x")).addEdge(START, "inner").compile();
  const says = (events: readonly object[]) => events.some((event) => "subagents" in event);
  expect(says(await recorded(graph))).toBe(true);
  expect(says(await recorded(graph, undefined, false))).toBe(false);
});

it("without being asked for, events name no subagent", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("research", saying("x"))
    .addEdge(START, "research")
    .compile();
  expect(JSON.stringify(translate(await recorded(graph)))).not.toMatch(/subagent/i);
});
