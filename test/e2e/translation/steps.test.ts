/** Steps: one for each node that runs, named by its path, also in nested graphs and parallel branches. */

import { Annotation, END, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import { EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { echo, gate, ScriptedModel } from "./scripted-model.ts";
import { ofType, said, stored, textsOf, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

describe("a subgraph", () => {
  /** Already resolved. A test that needs a separate first token sets its own promise. */
  let heard = Promise.resolve();
  const model = new ScriptedModel(() => ["From ", heard, "far below."]);
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("inner", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "inner")
    .addEdge("inner", END)
    .compile();

  it("streams like the graph around it; its steps lie inside the step of its node", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("sub", inner)
      .addEdge(START, "sub")
      .addEdge("sub", END)
      .compile({ checkpointer: memory() });
    sluice = await startSluice({ main: { graph } });
    const input = userInput("hi");
    const first = gate();
    heard = first.passed;
    const run = await postRun(sluice.url, input);
    expect(await run.until(EventType.TEXT_MESSAGE_CONTENT)).toMatchObject({ delta: "From " });
    first.open();
    const events = await run.done;
    await verifyRun(events);
    const steps = events.flatMap((event) =>
      event.type === EventType.STEP_STARTED || event.type === EventType.STEP_FINISHED
        ? [`${event.type} ${event.stepName}`]
        : [],
    );
    expect(steps).toEqual([
      "STEP_STARTED sub",
      "STEP_STARTED sub/inner",
      "STEP_FINISHED sub/inner",
      "STEP_FINISHED sub",
    ]);
    // The node around it returns the same message once more, and so does the state. It is said once.
    expect(said(events)).toEqual(["From far below."]);
    expect(await stored(sluice.url, input.threadId)).toMatchObject([
      { role: "user" },
      { role: "assistant", content: "From far below." },
    ]);
  });

  it("in a subgraph has the whole path in its step's name", async () => {
    const middle = new StateGraph(MessagesAnnotation)
      .addNode("middle", inner)
      .addEdge(START, "middle")
      .addEdge("middle", END)
      .compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("outer", middle)
      .addEdge(START, "outer")
      .addEdge("outer", END)
      .compile();
    sluice = await startSluice({ main: { graph } });
    const events = await turn(sluice.url, "main", userInput("hi"));
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual([
      "outer",
      "outer/middle",
      "outer/middle/inner",
    ]);
    expect(said(events)).toEqual(["From far below."]);
  });

  it("that a filter leaves out says nothing, and neither does the node around it", async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("sub", inner)
      .addEdge(START, "sub")
      .addEdge("sub", END)
      .compile();
    sluice = await startSluice({ main: { graph, entry: { filter: { maxDepth: 1 } } } });
    const events = await turn(sluice.url, "main", userInput("hi"));
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual(["sub"]);
    expect(JSON.stringify(events)).not.toContain("below");
  });
});

describe("branches of one node that run at once", () => {
  const Topic = Annotation.Root({ ...MessagesAnnotation.spec, topic: Annotation<string> });

  it("are distinguished: each step has a name of its own, each branch a message of its own", async () => {
    const topics = ["red wine", "green tea", "blue sky"];
    // No branch produces text before all have begun.
    let begun = 0;
    const allBegun = gate();
    const model = new ScriptedModel(async (prompt, tools) => {
      begun += 1;
      if (begun === topics.length) allBegun.open();
      await allBegun.passed;
      return echo(prompt, tools);
    });
    const graph = new StateGraph(Topic)
      .addNode("worker", async ({ topic }) => ({ messages: await model.invoke(topic) }))
      .addConditionalEdges(START, () => topics.map((topic) => new Send("worker", { topic })), ["worker"])
      .addEdge("worker", END)
      .compile({ checkpointer: memory() });
    sluice = await startSluice({ main: { graph } });
    const events = await turn(sluice.url, "main", userInput("go"));
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual([
      "worker",
      "worker#2",
      "worker#3",
    ]);
    // All three were open together, and so were their messages.
    const types = events.map(({ type }) => type);
    expect(types.lastIndexOf(EventType.STEP_STARTED)).toBeLessThan(types.indexOf(EventType.STEP_FINISHED));
    expect(types.lastIndexOf(EventType.TEXT_MESSAGE_START)).toBeLessThan(types.indexOf(EventType.TEXT_MESSAGE_END));
    expect(Object.values(textsOf(events)).sort()).toEqual([...topics].sort());
  });

  it("give a name back when they end", async () => {
    const model = new ScriptedModel(["Hm."]);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("worker", async ({ messages }) => ({ messages: await model.invoke(messages) }))
      .addEdge(START, "worker")
      .addConditionalEdges("worker", ({ messages }) => (messages.length < 4 ? "worker" : END), ["worker", END])
      .compile();
    sluice = await startSluice({ main: { graph } });
    const events = await turn(sluice.url, "main", userInput("go"));
    const names = ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName);
    expect(names).toEqual(["worker", "worker", "worker"]);
  });
});
