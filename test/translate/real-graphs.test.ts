/** The same translation with the events of real graphs, not with handmade ones. */

import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { END, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { allowList } from "../../src/graph/allow-list.ts";
import { openRun, type ServedGraph } from "../../src/graph/source.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { TEST_SOURCE } from "../support/stream-source.ts";
import { verifyRun } from "../support/verify.ts";
import { everything, linesOf, type TranslateOptions, translate } from "./events.ts";

async function recorded(graph: object): Promise<GraphEvent[]> {
  const request = {
    agent: "agent",
    threadId: "t",
    runId: "r",
    input: { kind: "messages" as const, messages: [{ id: "u", role: "user" as const, content: "hi" }], state: {} },
    checkpointId: undefined,
    offered: { tools: [], context: [] },
    stateKeys: [],
    configurable: {},
  };
  const run = openRun(graph as ServedGraph, request, new AbortController().signal, {
    version: "v2",
    source: TEST_SOURCE,
  });
  const events: GraphEvent[] = [];
  await run.read((event) => events.push(event));
  return events;
}

/** A real run's lines, legal for both generations of clients. */
async function linesFrom(graph: object, options?: TranslateOptions): Promise<string[]> {
  const events = await recorded(graph);
  await verifyRun(translate(events, options));
  return linesOf(events, options);
}

describe("a graph of one model", () => {
  const sent = [
    "STEP_STARTED chat",
    "TEXT_MESSAGE_START answer-1",
    'TEXT_MESSAGE_CONTENT answer-1 "Hel"',
    'TEXT_MESSAGE_CONTENT answer-1 "lo"',
    "TEXT_MESSAGE_END answer-1",
    "STEP_FINISHED chat",
  ];

  it("with the default allow-list", async () => {
    const list = allowList({ events: ["on_chat_model_stream", "on_tool_*", "on_chain_start", "on_chain_end"] });
    expect(await linesFrom(chatGraph(new SteppedModel().say("Hel", "lo").end()), { allowList: list })).toEqual(sent);
  });

  it("with everything admitted", async () => {
    const lines = await linesFrom(chatGraph(new SteppedModel().say("Hel", "lo").end()));
    expect(lines.filter((line) => !line.startsWith("CUSTOM"))).toEqual(sent);
  });

  it("that does not stream says it once, whole", async () => {
    const model = new FakeStreamingChatModel({ responses: [new AIMessage("Hello")] });
    model.disableStreaming = true;
    for (const events of [["*"], ["on_chain_*"], ["on_chat_model_stream", "on_chain_end"]]) {
      const lines = await linesFrom(chatGraph(model), { allowList: allowList({ events }) });
      expect(lines.filter((line) => line.includes("CONTENT"))).toEqual([expect.stringMatching(/ "Hello"$/)]);
    }
  });

  it.each([{ tags: ["nostream"] }, { tags: ["langsmith:nostream"] }, { metadata: { "emit-messages": false } }])(
    "hidden by %j says nothing, in any way",
    async (hiding) => {
      const hidden = new SteppedModel().say("the secret").end();
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("hidden", async ({ messages }, config) => ({
          messages: await hidden.invoke(messages, { ...config, ...hiding }),
        }))
        .addEdge(START, "hidden")
        .addEdge("hidden", END)
        .compile();
      const events = await recorded(graph);
      expect(everything(translate(events))).not.toContain("secret");
    },
  );
});

it("an agent that calls a tool and answers", async () => {
  const add = tool(async ({ x }) => String(x + 1), { name: "add", schema: z.object({ x: z.number() }) });
  const model = new SteppedModel().say("Adding.").call("add", { x: 1 }, "c1").end().say("Two.").end();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("agent", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("tools", new ToolNode([add]))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", toolsCondition)
    .addEdge("tools", "agent")
    .compile();
  const lines = await linesFrom(graph);
  expect(lines.filter((line) => !line.startsWith("CUSTOM"))).toEqual([
    "STEP_STARTED agent",
    "TEXT_MESSAGE_START answer-1",
    'TEXT_MESSAGE_CONTENT answer-1 "Adding."',
    "TOOL_CALL_START c1 add of answer-1",
    'TOOL_CALL_ARGS c1 {"x":1}',
    "TOOL_CALL_END c1",
    "TEXT_MESSAGE_END answer-1",
    "STEP_FINISHED agent",
    "STEP_STARTED tools",
    expect.stringMatching(/^TOOL_CALL_RESULT c1 .* "2"$/),
    "STEP_FINISHED tools",
    "STEP_STARTED agent",
    "TEXT_MESSAGE_START answer-2",
    'TEXT_MESSAGE_CONTENT answer-2 "Two."',
    "TEXT_MESSAGE_END answer-2",
    "STEP_FINISHED agent",
  ]);
});

describe("a graph with a subgraph", () => {
  const graph = () => {
    const model = new SteppedModel().say("deep").end();
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("writer", async ({ messages }) => ({ messages: await model.invoke(messages) }))
      .addNode("signer", () => ({ messages: [new AIMessage({ id: "signature", content: "Yours." })] }))
      .addEdge(START, "writer")
      .addEdge("writer", "signer")
      .compile();
    return new StateGraph(MessagesAnnotation).addNode("team", inner).addEdge(START, "team").compile();
  };

  it("sends each message once, and the steps by their paths", async () => {
    const lines = await linesFrom(graph());
    expect(lines.filter((line) => line.startsWith("STEP") || line.includes("CONTENT"))).toEqual([
      "STEP_STARTED team",
      "STEP_STARTED team/writer",
      'TEXT_MESSAGE_CONTENT answer-1 "deep"',
      "STEP_FINISHED team/writer",
      "STEP_STARTED team/signer",
      'TEXT_MESSAGE_CONTENT signature "Yours."',
      "STEP_FINISHED team/signer",
      "STEP_FINISHED team",
    ]);
  });

  it("keeps what is hidden in it hidden, although it returns its whole state", async () => {
    for (const node of ["writer", "team/writer"]) {
      const sent = translate(await recorded(graph()), { allowList: allowList({ nodes: { exclude: [node] } }) });
      expect(everything(sent)).not.toContain("deep");
      expect(everything(sent)).toContain("Yours.");
    }
    const sent = translate(await recorded(graph()), { allowList: allowList({ nodes: { exclude: ["team/signer"] } }) });
    expect(everything(sent)).not.toContain("Yours.");
    expect(everything(translate(await recorded(graph()), { allowList: allowList({ maxDepth: 1 }) }))).not.toMatch(
      /deep|Yours/,
    );
  });
});

it("one node many times in parallel: a step and a message each", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("plan", () => ({}))
    .addNode("work", async () => {
      const model = new FakeStreamingChatModel({ chunks: [new AIMessageChunk("a"), new AIMessageChunk("b")] });
      await model.invoke("go");
      return {};
    })
    .addEdge(START, "plan")
    .addConditionalEdges("plan", () => [1, 2, 3].map(() => new Send("work", {})))
    .compile();
  const lines = await linesFrom(graph);
  expect(lines.filter((line) => line.startsWith("STEP_STARTED"))).toEqual([
    "STEP_STARTED plan",
    "STEP_STARTED work",
    "STEP_STARTED work#2",
    "STEP_STARTED work#3",
  ]);
  expect(lines.filter((line) => line.startsWith("TEXT_MESSAGE_START"))).toHaveLength(3);
});
