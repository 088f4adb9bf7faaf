/** A run that is handed over sends what a run sends that stays, wherever between two steps of its graph it is handed over. */
import { AIMessage, type AIMessageChunk, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { Annotation, Command, END, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type BorderCase, comparable, frameNames, rootIds, sentBy } from "../support/borders.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";

let shared: SharedServers;
/** One for all runs: its tables are made once. */
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
});
afterAll(() => shared.stop());

/** The models' calls are numbered, as their answers are, so each graph has models of its own. */
const answering = (...tokens: string[]) => new SteppedModel({ always: tokens });

const calls = (id: string, name: string, args: object = {}) => [
  { id, name, args: args as Record<string, unknown>, type: "tool_call" as const },
];

const saying = (model: SteppedModel) => async (state: typeof MessagesAnnotation.State) => ({
  messages: [await model.invoke(state.messages)],
});

function inner(text: string) {
  return new StateGraph(MessagesAnnotation)
    .addNode("write", saying(answering(`${text} and more`)))
    .addNode("check", saying(answering("checked")))
    .addEdge(START, "write")
    .addEdge("write", "check")
    .compile();
}

/** Two graphs inside the graph, one after the other. */
const twoInside = (wait: Parameters<BorderCase["graph"]>[0], second: string) =>
  new StateGraph(MessagesAnnotation)
    .addNode("wait", wait)
    .addNode("first", inner("one"))
    .addNode("second", inner(second))
    .addNode("last", saying(answering("done")))
    .addEdge(START, "wait")
    .addEdge("wait", "first")
    .addEdge("first", "second")
    .addEdge("second", "last");

const CASES: Record<string, BorderCase> = {
  "graphs inside the graph": {
    borders: 3,
    entry: { subagents: true },
    graph: (wait) => twoInside(wait, "two"),
  },
  "a filter of subagents": {
    borders: 3,
    entry: { subagents: true, filter: { subagents: ["first"] } },
    hidden: "hidden",
    graph: (wait) => twoInside(wait, "hidden"),
  },
  "a graph that hands over to another one": {
    borders: 2,
    entry: { subagents: true },
    graph: (wait) => {
      const command = new Command({
        goto: "bob",
        graph: Command.PARENT,
        update: { messages: [new ToolMessage({ id: "handed", content: "ok", tool_call_id: "c1" })] },
      });
      const hand = tool(() => command, { name: "to_bob", schema: z.object({}) });
      const alice = new StateGraph(MessagesAnnotation)
        .addNode("model", () => ({
          messages: [new AIMessage({ id: "asks", content: "", tool_calls: calls("c1", "to_bob") })],
        }))
        .addNode("tools", new ToolNode([hand]))
        .addEdge(START, "model")
        .addEdge("model", "tools")
        .compile();
      return new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("alice", alice, { ends: ["bob"] })
        .addNode("bob", inner("here"))
        .addEdge(START, "wait")
        .addEdge("wait", "alice");
    },
  },
  "branches side by side": {
    borders: 2,
    entry: { subagents: true },
    parallel: true,
    graph: (wait) =>
      new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("branch", inner("branch"))
        .addNode("join", saying(answering("joined")))
        .addEdge(START, "wait")
        .addConditionalEdges("wait", ({ messages }) => [1, 2, 3].map(() => new Send("branch", { messages })))
        .addEdge("branch", "join"),
  },
  "a subagent that a tool calls, between the call and its result": {
    borders: 3,
    entry: { subagents: true },
    graph: (wait) => {
      const asked = inner("found");
      const ask = tool(
        async () => {
          const { messages } = await asked.invoke({ messages: [] });
          return messages.at(-1)?.text ?? "";
        },
        { name: "ask", schema: z.object({ about: z.string() }) },
      );
      return new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("model", () => ({
          messages: [new AIMessage({ id: "asks", content: "", tool_calls: calls("c1", "ask", { about: "it" }) })],
        }))
        .addNode("tools", new ToolNode([ask]))
        .addNode("last", saying(answering("so")))
        .addEdge(START, "wait")
        .addEdge("wait", "model")
        .addEdge("model", "tools")
        .addEdge("tools", "last");
    },
  },
  "a call of a tool of the page, which stays open": {
    borders: 2,
    input: { tools: [{ name: "paint", description: "", parameters: { type: "object", properties: {} } }] },
    graph: (wait) =>
      new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("call", () => ({
          messages: [new AIMessage({ id: "calls", content: "", tool_calls: calls("c1", "paint") })],
        }))
        .addNode("last", () => ({}))
        .addEdge(START, "wait")
        .addEdge("wait", "call")
        .addEdge("call", "last"),
  },
  "a state that clients have before the graph": {
    borders: 3,
    entry: { state: ["draft", "steps"] },
    graph: (wait) => {
      const State = Annotation.Root({
        ...MessagesAnnotation.spec,
        draft: Annotation<string>(),
        steps: Annotation<number>(),
      });
      const model = new SteppedModel()
        .call("write", { text: "new" }, "c1")
        .end()
        .withConfig({ metadata: { predict_state: [{ state_key: "draft", tool: "write", tool_argument: "text" }] } });
      return new StateGraph(State)
        .addNode("wait", async () => ({ ...(await wait()), draft: "old", steps: 1 }))
        .addNode("model", async () => ({ messages: [await model.invoke("go")] }))
        .addNode("between", () => ({ steps: 2 }))
        .addNode("tools", () => ({
          draft: "new",
          messages: [new ToolMessage({ id: "wrote", content: "written", tool_call_id: "c1" })],
        }))
        .addEdge(START, "wait")
        .addEdge("wait", "model")
        .addEdge("model", "between")
        .addEdge("between", "tools");
    },
  },
  "messages that later steps change and remove": {
    borders: 3,
    graph: (wait) =>
      new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("say", async () => {
          const [first, second] = [await answering("first").invoke(""), await answering("second").invoke("")];
          return { messages: [new AIMessage(`${first.text}!`), second] };
        })
        .addNode("change", ({ messages }) => {
          const [first, second] = messages.slice(-2);
          return {
            messages: [
              new RemoveMessage({ id: first?.id ?? "" }),
              new AIMessage({ id: second?.id ?? "", content: "changed" }),
            ],
          };
        })
        .addNode("last", saying(answering("done")))
        .addEdge(START, "wait")
        .addEdge("wait", "say")
        .addEdge("say", "change")
        .addEdge("change", "last"),
  },
  "the tokens that models used, and the run's progress": {
    borders: 2,
    input: { forwardedProps: { sluice: { progress: 0.5 } } },
    graph: (wait) => {
      const used = (output_tokens: number): Partial<AIMessageChunk> & { content: string } => ({
        content: "",
        usage_metadata: { input_tokens: 5, output_tokens, total_tokens: 5 + output_tokens },
      });
      const model = new SteppedModel();
      model.say("a", "b", "c").chunk(used(7)).end().say("d").chunk(used(11)).end();
      return new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("one", saying(model))
        .addNode("two", saying(model))
        .addEdge(START, "wait")
        .addEdge("wait", "one")
        .addEdge("one", "two")
        .addEdge("two", END);
    },
  },
  "more tokens than a run may give": {
    borders: 2,
    env: { MAX_RUN_TOKENS: "7" },
    graph: (wait) =>
      new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("one", saying(answering("a", "b", "c")))
        .addNode("two", saying(answering("d", "e", "f", "g", "h", "i")))
        .addEdge(START, "wait")
        .addEdge("wait", "one")
        .addEdge("one", "two"),
  },
  "more steps than its graph may take": {
    borders: 4,
    graph: (wait) => {
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("wait", wait)
        .addNode("again", saying(answering("again")))
        .addEdge(START, "wait")
        .addEdge("wait", "again")
        .addEdge("again", "again");
      return { compile: (options) => graph.compile(options).withConfig({ recursionLimit: 5 }) };
    },
  },
};

describe.each(Object.entries(CASES))("a run with %s", (_, one) => {
  it("sends the same when it is handed over at any border", async () => {
    const stays = await sentBy(deployment, one);
    for (let border = 1; border <= one.borders; border += 1) {
      const moves = await sentBy(deployment, one, border);
      expect(comparable(moves.events, one.parallel)).toEqual(comparable(stays.events, one.parallel));
      expect(moves.passed).toBeGreaterThanOrEqual(border);
      expect(moves.gaps).toBe(0);
      expect(new Set(moves.cursors).size).toBe(moves.cursors.length);
      await verifyRun([...moves.events]);
      expect(moves.held).toEqual(moves.messages);
      if (one.hidden) expect(JSON.stringify([moves.events, moves.messages])).not.toContain(one.hidden);
      expect(frameNames(moves.frames)).toEqual(frameNames(stays.frames));
      expect(rootIds(moves.frames).size).toBe(1);
    }
  });
});
