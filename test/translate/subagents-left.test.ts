/** Subagents whose callers stop reading them before their end, or go on although a graph inside them has failed. */
import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SteppedModel } from "../support/stepped-model.ts";
import { calling, lines, saying, sentBy } from "./subagent-runs.ts";

interface Streaming {
  streamEvents(input: object, options: { version: "v2" }): AsyncIterable<{ readonly event: string }>;
}

/** Reads a graph until its model has said something. LangGraph may throw an error into a loop that is left. */
async function begin(graph: object): Promise<void> {
  const events = (graph as Streaming).streamEvents({ messages: [] }, { version: "v2" });
  try {
    for await (const { event } of events) if (event === "on_chat_model_stream") break;
  } catch (error) {
    expect(error).toHaveProperty("name", "AbortError");
  }
}

function around(name: string, node: object) {
  return new StateGraph(MessagesAnnotation)
    .addNode(name, node as never)
    .addEdge(START, name as never)
    .compile();
}

/** A graph whose model never comes to its end. */
function endless() {
  const model = new SteppedModel().say("Hel", "lo");
  return around("write", async () => ({ messages: [await model.invoke("")] }));
}

describe("a subagent whose caller stops reading it", () => {
  it("ends without an error, after its message and its step, and so does the caller's next one", async () => {
    const graph = around("caller", async () => {
      await begin(endless());
      await saying("Instead.").invoke({ messages: [] });
      return {};
    });
    expect(lines(await sentBy(graph))).toEqual([
      "STEP_STARTED caller",
      "SUBAGENT_STARTED (caller)",
      "STEP_STARTED caller/write (caller)",
      "TEXT_MESSAGE_START (caller)",
      "SUBAGENT_STARTED (caller)",
      "STEP_STARTED caller/write#2 (caller)",
      "TEXT_MESSAGE_START (caller)",
      "TEXT_MESSAGE_END (caller)",
      "STEP_FINISHED caller/write#2 (caller)",
      "TEXT_MESSAGE_END (caller)",
      "STEP_FINISHED caller/write (caller)",
      "SUBAGENT_FINISHED (caller)",
      "SUBAGENT_FINISHED (caller)",
      "STEP_FINISHED caller",
    ]);
  });

  it("ends without an error, where a graph inside it was at work", async () => {
    const graph = around("caller", async () => {
      await begin(around("inner", endless()));
      return {};
    });
    expect(lines(await sentBy(graph)).slice(-6)).toEqual([
      "TEXT_MESSAGE_END (inner)",
      "STEP_FINISHED caller/inner/write (inner)",
      "STEP_FINISHED caller/inner (caller)",
      "SUBAGENT_FINISHED (inner)",
      "SUBAGENT_FINISHED (caller)",
      "STEP_FINISHED caller",
    ]);
  });

  it("ends without an error, before the result of its call, where a tool called it", async () => {
    const ask = tool(() => begin(endless()).then(() => "enough"), { name: "ask", schema: z.object({}) });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "ask" }))
      .addNode("tools", new ToolNode([ask]))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    expect(lines(await sentBy(graph)).slice(-5)).toEqual([
      "TEXT_MESSAGE_END (ask)",
      "STEP_FINISHED tools/write (ask)",
      "SUBAGENT_FINISHED (ask)",
      "TOOL_CALL_RESULT c1",
      "STEP_FINISHED tools",
    ]);
  });
});

it("a subagent goes on although a graph that it calls has failed", async () => {
  const failing = around("write", async () => {
    await new FakeListChatModel({ responses: ["almost"] }).invoke("");
    throw new Error("no more");
  });
  const helper = around("call", async () => {
    await failing.invoke({ messages: [] }).catch(() => {});
    return {};
  });
  expect(lines(await sentBy(around("helper", helper))).filter((line) => line.startsWith("SUBAGENT"))).toEqual([
    "SUBAGENT_STARTED (helper)",
    "SUBAGENT_STARTED (call)",
    "SUBAGENT_ERROR (call)",
    "SUBAGENT_FINISHED (helper)",
  ]);
});
