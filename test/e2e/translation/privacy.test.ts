/** An event that is switched off stays off, in every format and whatever a graph does. */

import { type AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { postRun, userInput } from "../../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { connect } from "../../support/ws-client.ts";

let sluice: TestSluice | undefined;
afterEach(() => sluice?.close());

describe("the langgraph format", () => {
  it("keeps to what its agent switched off, and refuses what a connection cannot switch off", async () => {
    const model = new SteppedModel().think("secret").say("<think>secret</think>Hi").end();
    const off = { reasoning: false, reasoningTags: ["think"] };
    sluice = await startSluice({ a: { graph: chatGraph(model), entry: off } });
    const socket = await connect(`${sluice.ws}/ws?format=langgraph`);
    socket.send("go");
    await socket.until((frame) => frame.includes('"done"'));
    expect(socket.frames.join()).toContain("Hi");
    expect(socket.frames.join()).not.toContain("secret");
    await expect(connect(`${sluice.ws}/ws?format=langgraph&reasoning=false`)).rejects.toThrow("400");
  });

  it("has no tokens where its agent sends none", async () => {
    const model = new SteppedModel().say("H", "i").end();
    sluice = await startSluice({ a: { graph: chatGraph(model), entry: { tokens: false } } });
    const socket = await connect(`${sluice.ws}/ws?format=langgraph`);
    socket.send("go");
    await socket.until((frame) => frame.includes('"done"'));
    expect(socket.frames.filter((frame) => frame.includes("_stream"))).toEqual([]);
  });
});

describe("a tool that a node calls with the arguments only", () => {
  const look = tool(async () => "the secret", { name: "look", schema: z.object({ q: z.string() }) });
  const graph = () => {
    const model = new SteppedModel().call("look", { q: "x" }, "call_1").end().say("done").end();
    const callsOf = (message: unknown) => (message as AIMessage).tool_calls ?? [];
    return new StateGraph(MessagesAnnotation)
      .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
      .addNode("tools", async ({ messages }) => {
        const answers = callsOf(messages.at(-1)).map(
          async ({ id = "", args }) =>
            new ToolMessage({ tool_call_id: id, content: await look.invoke(args as { q: string }) }),
        );
        return { messages: await Promise.all(answers) };
      })
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }) => (callsOf(messages.at(-1)).length > 0 ? "tools" : END), [
        "tools",
        END,
      ])
      .addEdge("tools", "model")
      .compile({ checkpointer: memory() });
  };
  const run = async (env: Record<string, string>) => {
    sluice = await startSluice({ a: { graph: graph() } }, env);
    return (await postRun(sluice.url, userInput("go"))).done;
  };

  it("is sent as one call with one result", async () => {
    const events = await run({});
    const calls = events.flatMap((event) =>
      event.type === EventType.TOOL_CALL_START || event.type === EventType.TOOL_CALL_RESULT ? [event.toolCallId] : [],
    );
    expect(calls).toEqual(["call_1", "call_1"]);
  });

  it("has no result that leaves in another way when tools are refused", async () => {
    const events = await run({ STREAM_ALLOWED_EVENTS: "on_chat_model_stream,on_chain_start,on_chain_end" });
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
  });
});

it("a tool that interrupts has ended for the idle deadline, even where its node goes on", async () => {
  const ask = tool(() => String(interrupt("Sure?")), { name: "ask", schema: z.object({}) });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("n", async () => {
      await ask.invoke({}).catch(() => undefined);
      return new Promise<never>(() => {});
    })
    .addEdge(START, "n")
    .compile({ checkpointer: memory() });
  sluice = await startSluice({ a: { graph, entry: { deadlines: { idleSeconds: 0.2, totalSeconds: 5 } } } });
  const events = await (await postRun(sluice.url, userInput("go"))).done;
  expect(events.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "timeout_idle" });
  expect(events.map(({ type }) => type)).not.toContain(EventType.TOOL_CALL_RESULT);
});

it("a body nested too deep is a bad request", async () => {
  sluice = await startSluice({ a: { graph: chatGraph(new SteppedModel({ always: ["hi"] })) } });
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const body = JSON.stringify({ ...userInput("x"), state: "deep" }).replace('"deep"', deep);
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${sluice.url}/agui`, { method: "POST", headers, body });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("64 levels");
});
