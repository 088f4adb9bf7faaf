/** The ends of subagents for which LangGraph reports none. */
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Command, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { allowList } from "../../src/graph/allow-list.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import type { RunEnd } from "../../src/translate/translator.ts";
import { DONE } from "./events.ts";
import { calling, lines, saying, sentBy } from "./subagent-runs.ts";

const ofSteps = (events: readonly AguiEvent[]) => lines(events).filter((line) => /^(STEP|SUBAGENT)/.test(line));

describe("a subagent that hands over", () => {
  const handsOver = (graph: object) => {
    const hand = tool(
      () =>
        new Command({
          goto: "bob",
          graph: Command.PARENT,
          update: { messages: [new ToolMessage({ content: "ok", tool_call_id: "c1" })] },
        }),
      { name: "to_bob", schema: z.object({}) },
    );
    const alice = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "to_bob" }))
      .addNode("tools", new ToolNode([hand]))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    return new StateGraph(MessagesAnnotation)
      .addNode("alice", alice, { ends: ["bob"] })
      .addNode("bob", graph as never)
      .addEdge(START, "alice")
      .compile({ checkpointer: new MemorySaver() });
  };
  it("has finished, with its steps, before the other one begins", async () => {
    expect(ofSteps(await sentBy(handsOver(saying("here"))))).toEqual([
      "STEP_STARTED alice",
      "SUBAGENT_STARTED (alice)",
      "STEP_STARTED alice/model (alice)",
      "STEP_FINISHED alice/model (alice)",
      "STEP_STARTED alice/tools (alice)",
      "STEP_FINISHED alice/tools (alice)",
      "SUBAGENT_FINISHED (alice)",
      "STEP_FINISHED alice",
      "STEP_STARTED bob",
      "SUBAGENT_STARTED (bob)",
      "STEP_STARTED bob/write (bob)",
      "STEP_FINISHED bob/write (bob)",
      "SUBAGENT_FINISHED (bob)",
      "STEP_FINISHED bob",
    ]);
  });

  it("has finished also where its steps are not sent", async () => {
    const list = allowList({ events: ["on_chat_model_stream", "on_chain_end", "on_tool_*"] });
    expect(
      ofSteps(await sentBy(handsOver(saying("here")), DONE, list)).filter((line) => /SUBAGENT/.test(line)),
    ).toEqual([
      "SUBAGENT_STARTED (alice)",
      "SUBAGENT_FINISHED (alice)",
      "SUBAGENT_STARTED (bob)",
      "SUBAGENT_FINISHED (bob)",
    ]);
  });

  it("does not wait for the answer to the other one's question", async () => {
    const asking = new StateGraph(MessagesAnnotation)
      .addNode("ask", async () => {
        await new FakeListChatModel({ responses: ["hm"] }).invoke("");
        return { messages: [new AIMessage(`so: ${interrupt("really?")}`)] };
      })
      .addEdge(START, "ask")
      .compile();
    const asks: RunEnd = { kind: "interrupted", interrupts: [{ id: "i", reason: "input_required" }] };
    const events = await sentBy(handsOver(asking), asks);
    const ends = events.filter(({ type }) => type === EventType.SUBAGENT_FINISHED);
    expect(ends.map((end) => "outcome" in end && end.outcome)).toEqual([false, { type: "suspended" }]);
  });
});

describe("a subagent that fails, and whose caller catches the error", () => {
  const failing = new StateGraph(MessagesAnnotation)
    .addNode("write", async () => {
      await new FakeListChatModel({ responses: ["almost"] }).invoke("");
      throw new Error("no more");
    })
    .addEdge(START, "write")
    .compile();

  it("ends with an error, after its steps, and a second one that succeeds does not", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("caller", async (state) => {
        await failing.invoke(state).catch(() => {});
        await saying("instead").invoke(state);
        return {};
      })
      .addEdge(START, "caller")
      .compile();
    expect(ofSteps(await sentBy(graph))).toEqual([
      "STEP_STARTED caller",
      "SUBAGENT_STARTED (caller)",
      "STEP_STARTED caller/write (caller)",
      "SUBAGENT_STARTED (caller)",
      "STEP_STARTED caller/write#2 (caller)",
      "STEP_FINISHED caller/write#2 (caller)",
      "STEP_FINISHED caller/write (caller)",
      "SUBAGENT_ERROR (caller)",
      "SUBAGENT_FINISHED (caller)",
      "STEP_FINISHED caller",
    ]);
  });

  it("ends with an error, after its steps, where a tool called it", async () => {
    const ask = tool(() => failing.invoke({ messages: [] }).catch(() => "nothing"), {
      name: "ask",
      schema: z.object({}),
    });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", calling({ id: "c1", name: "ask" }))
      .addNode("tools", new ToolNode([ask]))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .compile();
    expect(lines(await sentBy(graph)).slice(-4)).toEqual([
      "STEP_FINISHED tools/write (ask)",
      "SUBAGENT_ERROR (ask)",
      "TOOL_CALL_RESULT c1",
      "STEP_FINISHED tools",
    ]);
  });
});
