/** Settings of single nodes: tokens, reasoning, and whether anything of the node is sent at all. */

import { AIMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { AgentEntry } from "../../../src/config/agents.ts";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType } from "../../support/ws-client.ts";
import { type Answer, gate, type Piece, ScriptedModel } from "./scripted-model.ts";
import { ofType, said, stored, textsOf, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

type Nodes = AgentEntry["nodes"];

const thought = (reasoning_content: string): Piece => ({ additional_kwargs: { reasoning_content } });

const PLAN: Piece[] = [thought("secret "), thought("thoughts"), "secret ", "plan"];
const ANSWER: Piece[] = [thought("open "), thought("thoughts"), "The ", "plain ", "answer"];

/** A node that plans, then one that answers. Both stream. */
function planning({ plan = PLAN, answer = ANSWER }: { plan?: Answer; answer?: Answer } = {}) {
  const planner = new ScriptedModel(plan, "plan");
  const writer = new ScriptedModel(answer);
  return new StateGraph(MessagesAnnotation)
    .addNode("plan", async ({ messages }) => ({ messages: await planner.invoke(messages) }))
    .addNode("answer", async ({ messages }) => ({ messages: await writer.invoke(messages) }))
    .addEdge(START, "plan")
    .addEdge("plan", "answer")
    .addEdge("answer", END)
    .compile({ checkpointer: memory() });
}

async function serve(nodes: Nodes, graph: object = planning()): Promise<TestSluice> {
  sluice = await startSluice({ main: { graph, entry: { nodes } } });
  return sluice;
}

describe("a node with tokens off", () => {
  it("says its message in one piece, beside one that streams", async () => {
    const planBegun = gate();
    const answerHeard = gate();
    const graph = planning({
      plan: [thought("secret "), "A ", planBegun.passed, "secret plan"],
      answer: ["The ", answerHeard.passed, "plain answer"],
    });
    const { ws } = await serve({ plan: { tokens: false } }, graph);
    const client = await connect(`${ws}/ws?protocol=1.0`);
    client.send("hi");
    await client.until(isType(EventType.TEXT_MESSAGE_START));
    planBegun.open(); // its first word, if it were sent, would be a separate delta
    await client.until((frame) => frame.includes('"delta":"The "'));
    answerHeard.open();
    const frames = await client.until(isType(EventType.RUN_FINISHED));
    const events = frames.map((frame) => JSON.parse(frame) as AguiEvent);
    await verifyRun(events);
    const deltas = ofType(events, EventType.TEXT_MESSAGE_CONTENT).map(({ delta }) => delta);
    expect(deltas).toEqual(["A secret plan", "The ", "plain answer"]);
    await client.close();
  });

  it("cannot be overruled by a node that wants tokens where its agent has none", async () => {
    const begun = gate();
    const graph = planning({ plan: [thought("hm")], answer: ["The ", begun.passed, "plain answer"] });
    const entry = { tokens: false, nodes: { answer: { tokens: true } } };
    sluice = await startSluice({ main: { graph, entry } });
    const run = await postRun(sluice.url, userInput("hi"));
    await run.until(EventType.TEXT_MESSAGE_START);
    begun.open();
    const events = await run.done;
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).map(({ delta }) => delta)).toEqual(["The plain answer"]);
  });
});

describe("a node with reasoning off", () => {
  it("says what it says, and not what it thinks", async () => {
    const { url } = await serve({ plan: { reasoning: false } });
    const events = await turn(url, "main", userInput("hi"));
    expect(said(events)).toEqual(["secret plan", "The plain answer"]);
    const thoughts = ofType(events, EventType.REASONING_MESSAGE_CONTENT).map(({ delta }) => delta);
    expect(thoughts.join("")).toBe("open thoughts");
  });
});

describe("a node with messages off", () => {
  it("is not heard, but its step is seen", async () => {
    const { url } = await serve({ plan: { messages: false } });
    const events = await turn(url, "main", userInput("hi"));
    expect(said(events)).toEqual(["The plain answer"]);
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual(["plan", "answer"]);
  });

  it("is not heard in the langgraph format either, nor kept for later", async () => {
    const { url, ws } = await serve({ plan: { messages: false } });
    const client = await connect(`${ws}/ws?format=langgraph&thread=t`);
    client.send("hi");
    const frames = await client.until((frame) => (JSON.parse(frame) as { event: string }).event === "done");
    expect(frames.join("")).toContain("plain ");
    expect(frames.join("")).not.toContain("secret");
    await client.close();
    expect(await stored(url, "t")).toMatchObject([
      { role: "user" },
      { role: "reasoning", content: "open thoughts" },
      { role: "assistant", content: "The plain answer" },
    ]);
  });

  it("is not heard by somebody who comes later and is brought up to date", async () => {
    const { url } = await serve({ plan: { messages: false } });
    const input = userInput("hi");
    await turn(url, "main", input);
    const [user] = input.messages;
    // The client requests another answer: the thread goes back, and its remaining messages are sent.
    const again = await turn(url, "main", userInput("", { threadId: input.threadId, messages: user ? [user] : [] }));
    expect(ofType(again, EventType.MESSAGES_SNAPSHOT)).toHaveLength(1);
    expect(JSON.stringify(again)).not.toContain("secret");
  });

  it("is not heard when it returns finished text without any model call", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plan", () => ({ messages: new AIMessage("secret plan") }))
      .addNode("answer", () => ({ messages: new AIMessage("The plain answer") }))
      .addEdge(START, "plan")
      .addEdge("plan", "answer")
      .addEdge("answer", END)
      .compile({ checkpointer: memory() });
    const { url } = await serve({ plan: { messages: false } }, graph);
    const events = await turn(url, "main", userInput("hi"));
    expect(said(events)).toEqual(["The plain answer"]);
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  it.each<[string, Nodes]>([
    ["its own name", { plan: { messages: false } }],
    ["its path", { "sub/plan": { messages: false } }],
    ["the node it lies in", { sub: { messages: false } }],
  ])("may lie in a subgraph, and be named by %s", async (_, nodes) => {
    for (const text of [() => new ScriptedModel(PLAN, "plan"), () => undefined]) {
      const planner = text();
      const inner = new StateGraph(MessagesAnnotation)
        .addNode("plan", async ({ messages }) => ({
          messages: planner ? await planner.invoke(messages) : new AIMessage("secret plan"),
        }))
        .addEdge(START, "plan")
        .addEdge("plan", END)
        .compile();
      const writer = new ScriptedModel(ANSWER);
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("sub", inner)
        .addNode("answer", async ({ messages }) => ({ messages: await writer.invoke(messages) }))
        .addEdge(START, "sub")
        .addEdge("sub", "answer")
        .addEdge("answer", END)
        .compile();
      const { url, close } = await serve(nodes, graph);
      const events = await turn(url, "main", userInput("hi"));
      expect(said(events)).toEqual(["The plain answer"]);
      expect(JSON.stringify(events)).not.toContain("secret");
      await close();
    }
    sluice = undefined;
  });
});

describe("a whole message", () => {
  it("that no model streamed arrives once, with its calls, when its node ends", async () => {
    const call = { id: "call-1", name: "look", args: { at: "sky" }, type: "tool_call" as const };
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("canned", () => ({
        messages: [
          new AIMessage({ id: "m-1", content: "Ready made." }),
          new AIMessage({ id: "m-2", content: "", tool_calls: [call] }),
        ],
      }))
      .addEdge(START, "canned")
      .addEdge("canned", END)
      .compile({ checkpointer: memory() });
    const { url } = await serve({}, graph);
    const events = await turn(url, "main", userInput("hi"));
    expect(textsOf(events)).toEqual({ "m-1": "Ready made." });
    expect(ofType(events, EventType.TOOL_CALL_START)).toMatchObject([
      { toolCallId: "call-1", toolCallName: "look", parentMessageId: "m-2" },
    ]);
    expect(ofType(events, EventType.TOOL_CALL_ARGS)).toMatchObject([{ delta: '{"at":"sky"}' }]);
  });

  it("that only wraps what a model said is not said again", async () => {
    const writer = new ScriptedModel(ANSWER);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("answer", async ({ messages }) => {
        const { text } = await writer.invoke(messages);
        return { messages: [new AIMessage(text)] };
      })
      .addEdge(START, "answer")
      .addEdge("answer", END)
      .compile();
    const { url } = await serve({}, graph);
    expect(said(await turn(url, "main", userInput("hi")))).toEqual(["The plain answer"]);
  });
});
