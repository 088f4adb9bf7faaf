/** Subagents of a run whose process is gone in the middle of them: they go on under their ids, and each has one end. */
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AguiEvent } from "../../src/protocol/events.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import { userInput } from "../support/sse-client.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";

let shared: SharedServers;
let deployment: Deployment;
beforeAll(async () => {
  shared = await startShared();
});
afterEach(() => deployment.close());
afterAll(() => shared.stop());

type Compiled = (model: SteppedModel, checkpointer: BaseCheckpointSaver) => object;

const saying = (model: SteppedModel) => async () => ({ messages: [await model.invoke("")] });

/** Two steps, so that a process may be gone between them. */
const inner = (model: SteppedModel) =>
  new StateGraph(MessagesAnnotation)
    .addNode("write", saying(model))
    .addNode("check", saying(model))
    .addEdge(START, "write")
    .addEdge("write", "check");

const GRAPHS: Record<string, Compiled> = {
  "of a node": (model, checkpointer) =>
    new StateGraph(MessagesAnnotation)
      .addNode("helper", inner(model).compile())
      .addNode("last", saying(model))
      .addEdge(START, "helper")
      .addEdge("helper", "last")
      .compile({ checkpointer }),
  "of a tool": (model, checkpointer) => {
    const helper = inner(model).compile();
    const ask = tool(async () => (await helper.invoke({ messages: [] })).messages.at(-1)?.text ?? "", {
      name: "helper",
      schema: z.object({}),
    });
    const tool_calls = [{ id: "c1", name: "helper", args: {}, type: "tool_call" as const }];
    return new StateGraph(MessagesAnnotation)
      .addNode("model", () => ({ messages: [new AIMessage({ id: "asks", content: "", tool_calls })] }))
      .addNode("tools", new ToolNode([ask]))
      .addNode("last", saying(model))
      .addEdge(START, "model")
      .addEdge("model", "tools")
      .addEdge("tools", "last")
      .compile({ checkpointer });
  },
};

const ofSubagents = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => (event.type.startsWith("SUBAGENT_") && "subagentRunId" in event ? [event] : []));

describe.each(Object.entries(GRAPHS))("a subagent %s", (_, compiled) => {
  it("goes on under its id after its process has gone, and ends once", async () => {
    deployment = await shared.deployment();
    const model = new SteppedModel();
    const agents = (checkpointer: BaseCheckpointSaver) => ({
      agent: {
        graph: compiled(model, checkpointer),
        entry: { recover: true, detachedGraceSeconds: 60, subagents: true },
      },
    });
    // It has no time for the step that runs: that is as a crash, for the run.
    const going = await deployment.start(agents, { DRAIN_SECONDS: "0.001" });
    const other = await deployment.start(agents);
    const input = userInput("go");
    const reader = followThread(other.url, input.threadId);
    await reader.until(({ type }) => type === "RUN_FINISHED"); // The state of an empty thread.
    const headers = { "content-type": "application/json", prefer: "respond-async" };
    await fetch(`${going.url}/agui`, { method: "POST", headers, body: JSON.stringify(input) });
    model.say("written").end().say("half");
    await reader.until((event) => event.type === "TEXT_MESSAGE_CONTENT" && event.delta === "half");
    const [before] = ofSubagents(reader.events);
    await going.close();
    await expect.poll(() => model.prompts.length).toBeGreaterThan(2);
    model.say("whole").end().say("second").end().say("third").end();
    await reader.until(endOf(input.runId));
    expect(reader.gaps).toBe(1);
    const start = reader.events.findLastIndex(({ type }) => type === "RUN_STARTED");
    const after = reader.events.slice(start);
    await verifyRun([...after]);
    const [started, ended, ...rest] = ofSubagents(after);
    const { timestamp: ___, ...same } = before as AguiEvent & { timestamp?: number };
    expect(started).toMatchObject(same);
    expect(ended).toMatchObject({ type: "SUBAGENT_FINISHED", subagentRunId: started?.subagentRunId });
    expect(rest).toEqual([]);
    reader.close();
  });
});
