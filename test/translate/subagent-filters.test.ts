/** Filters and the graphs inside a graph: what they hold, and what they let through. */
import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { type LangGraphRunnableConfig, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { allowList } from "../../src/graph/allow-list.ts";
import type { AllowListSpec } from "../../src/protocol/allow-list-spec.ts";
import { DONE } from "./events.ts";
import { lines, saying, sentBy, started } from "./subagent-runs.ts";

describe("a filter by subagent", () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("shown", saying("yes"))
    .addNode("hidden", saying("a secret"))
    .addNode("last", () => ({ messages: [new AIMessage("the end")] }))
    .addEdge(START, "shown")
    .addEdge("shown", "hidden")
    .addEdge("hidden", "last")
    .compile();

  it("shows those that it names, and the served graph itself", async () => {
    const events = await sentBy(graph, DONE, allowList({ subagents: ["shown"] }));
    const text = JSON.stringify(events);
    expect(started(events).map(({ name }) => name)).toEqual(["shown"]);
    expect(text).toContain("the end");
    expect(text).not.toContain("secret");
  });

  it.each<[string, AllowListSpec]>([
    ["subagents", { subagents: [] }],
    ["depth", { maxDepth: 1 }],
    ["node", { nodes: { exclude: ["hidden"] } }],
    ["a node inside", { nodes: { exclude: ["hidden/write"] } }],
  ])("holds what a graph inside the graph writes with config.writer: by %s", async (_, spec) => {
    const write =
      (text: string) =>
      (_state: unknown, { writer }: LangGraphRunnableConfig) => {
        writer?.({ name: "progress", value: text });
        return {};
      };
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("write", write("a secret"))
      .addEdge(START, "write")
      .compile();
    const writing = new StateGraph(MessagesAnnotation)
      .addNode("own", write("for all"))
      .addNode("hidden", inner)
      .addEdge(START, "own")
      .addEdge("own", "hidden")
      .compile();
    const text = JSON.stringify(await sentBy(writing, DONE, allowList(spec)));
    expect(text).toContain("for all");
    expect(text).not.toContain("secret");
    expect(JSON.stringify(await sentBy(writing))).toContain("secret");
  });

  it("holds a graph that keeps its thread itself, and that a node calls with its own namespace", async () => {
    const say = async () => ({ messages: [await new FakeListChatModel({ responses: ["a secret"] }).invoke("")] });
    const keeps = new StateGraph(MessagesAnnotation)
      .addNode("write", say)
      .addEdge(START, "write")
      .compile({ checkpointer: new MemorySaver() });
    const calls = new StateGraph(MessagesAnnotation)
      .addNode("caller", async (state) => {
        await keeps.invoke(state, { configurable: { thread_id: "own", checkpoint_ns: "" } });
        return {};
      })
      .addEdge(START, "caller")
      .compile();
    for (const spec of [{ subagents: [] }, { maxDepth: 1 }])
      expect(JSON.stringify(await sentBy(calls, DONE, allowList(spec)))).not.toContain("secret");
    expect(lines(await sentBy(calls))).toEqual([
      "STEP_STARTED caller",
      "SUBAGENT_STARTED (caller)",
      "STEP_STARTED caller/write (caller)",
      "TEXT_MESSAGE_START (caller)",
      "TEXT_MESSAGE_END (caller)",
      "STEP_FINISHED caller/write (caller)",
      "SUBAGENT_FINISHED (caller)",
      "STEP_FINISHED caller",
    ]);
  });

  it("an empty or mistyped one shows none", async () => {
    for (const subagents of [[], ["Shown"]]) {
      const events = await sentBy(graph, DONE, allowList({ subagents }));
      expect(started(events)).toEqual([]);
      expect(JSON.stringify(events)).toContain("the end");
      expect(JSON.stringify(events)).not.toContain("yes");
    }
  });
});
