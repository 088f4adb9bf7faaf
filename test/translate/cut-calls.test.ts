/** Calls to the client's own tools in answers that nobody read to their end. The client must not carry them out. */
import type { AIMessageChunk } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { translate } from "./events.ts";
import { recorded } from "./subagent-runs.ts";

const piece = (args: string, first: object = {}) => ({
  content: "",
  tool_call_chunks: [{ type: "tool_call_chunk" as const, index: 0, args, ...first }],
});

/** A model that ignores its signal, as some do: when its caller leaves it, LangChain reports no end. */
class DeafModel extends SteppedModel {
  override _streamResponseChunks(...[messages, options, manager]: Parameters<SteppedModel["_streamResponseChunks"]>) {
    return super._streamResponseChunks(messages, { ...options, signal: undefined as never }, manager);
  }
}

/** A model that calls in three pieces, and has no end. */
const calling = () =>
  new DeafModel()
    .chunk(piece('{"to":', { id: "c1", name: "pay" }))
    .chunk(piece('"Ann"'))
    .chunk(piece("}"))
    .chunk({ content: "" });

function around(name: string, node: object) {
  return new StateGraph(MessagesAnnotation)
    .addNode(name, node as never)
    .addEdge(START, name as never)
    .compile();
}

/** Reads a model until its call has these arguments. */
async function gathered(model: SteppedModel, args: string): Promise<AIMessageChunk> {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await model.stream("")) {
    whole = whole ? whole.concat(chunk) : chunk;
    if (whole.tool_call_chunks?.[0]?.args === args) break;
  }
  return whole as AIMessageChunk;
}

const WHOLE = '{"to":"Ann"}';
const HALF = '{"to":"Ann"';

/** The calls that wait for the client, and the results that were sent. */
async function sentBy(graph: object) {
  const events = translate(await recorded(graph), { frontendTools: new Set(["pay"]), subagents: true });
  await verifyRun(events);
  const isResult = (event: AguiEvent) => event.type === EventType.TOOL_CALL_RESULT;
  return { end: events.at(-1), results: events.filter(isResult) };
}

const CUT = { toolCallId: "c1", content: "The call was cut off. No tool ran." };

it("a call in a graph that its caller leaves is answered, and waits for nobody", async () => {
  const inner = around("write", async () => ({ messages: [await calling().invoke("")] }));
  const graph = around("caller", async () => {
    const events = inner.streamEvents({ messages: [] }, { version: "v2" });
    try {
      for await (const { data } of events) {
        if ((data.chunk as Partial<AIMessageChunk> | undefined)?.tool_call_chunks?.[0]) break;
      }
    } catch (error) {
      // LangGraph may throw an error into a loop that is left.
      expect(error).toHaveProperty("name", "AbortError");
    }
    return {};
  });
  const { end, results } = await sentBy(graph);
  expect(end).not.toHaveProperty("outcome");
  expect(results).toMatchObject([CUT]);
});

it("a call in an answer that its node stops reading is answered, and waits for nobody", async () => {
  const { end, results } = await sentBy(
    around("node", async () => {
      await gathered(calling(), HALF);
      return {};
    }),
  );
  expect(end).not.toHaveProperty("outcome");
  expect(results).toMatchObject([CUT]);
});

it("a whole call that the node returns waits for the client, although its model never ended", async () => {
  const { end, results } = await sentBy(around("node", async () => ({ messages: [await gathered(calling(), WHOLE)] })));
  expect(end).toMatchObject({ outcome: { pendingToolCallIds: ["c1"] } });
  expect(results).toEqual([]);
});
