/** Characters of two UTF-16 units that tools, models and clients cut: a half is never sent. */

import { tool } from "@langchain/core/tools";
import { Annotation, END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import { EventType } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { calls, ScriptedModel } from "./scripted-model.ts";
import { interruptsOf, ofType, said, stored, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

const FOX = "🦊";
/** The rest of a text that was cut after so many UTF-16 units. */
const HALF = `fox ${FOX}`.slice(0, -1);
const MENDED = "fox \ufffd";

const Held = Annotation.Root({ ...MessagesAnnotation.spec, note: Annotation<string> });

function graph(node: (text: string) => object) {
  const look = tool(() => HALF, { name: "look", schema: z.object({}) });
  const model = new ScriptedModel((prompt) =>
    prompt.at(-1)?.getType() === "tool"
      ? ["A ", FOX.slice(0, 1), `${FOX.slice(1)} it is.`]
      : [calls(["look", {}, "c"])],
  );
  return new StateGraph(Held)
    .addNode("model", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("tools", new ToolNode([look]))
    .addNode("last", ({ messages }) => node(messages.at(-1)?.text ?? ""))
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) => (messages.at(-1)?.text ? "last" : "tools"), ["tools", "last"])
    .addEdge("tools", "model")
    .addEdge("last", END)
    .compile({ checkpointer: memory() });
}

/** A half that JSON escapes. JSON never escapes whole characters. */
const ESCAPED_HALF = /\\ud[89a-f]/i;

it("not of what tools, state and people say, in no event and in nothing that is kept", async () => {
  sluice = await startSluice({ main: { graph: graph(() => ({ note: HALF })), entry: { state: ["note"] } } });
  const input = userInput(HALF);
  const events = await turn(sluice.url, "main", input);
  expect(ofType(events, EventType.TOOL_CALL_RESULT)).toMatchObject([{ content: MENDED }]);
  expect(events.findLast(({ type }) => type === EventType.STATE_SNAPSHOT)).toMatchObject({
    snapshot: { note: MENDED },
  });
  expect(said(events)).toEqual([`A ${FOX} it is.`]);
  expect(JSON.stringify(events)).not.toMatch(ESCAPED_HALF);
  const kept = await stored(sluice.url, input.threadId);
  expect(kept.map(({ content }) => content)).toContain(MENDED);
  expect(JSON.stringify(kept)).not.toMatch(ESCAPED_HALF);
});

it("and a person's half is no edit of what was sent of it when it comes again", async () => {
  sluice = await startSluice({ main: { graph: graph(() => ({})) } });
  const input = userInput(HALF);
  await turn(sluice.url, "main", input);
  const [, ...answered] = await stored(sluice.url, input.threadId);
  const next = { id: "next", role: "user" as const, content: "and now?" };
  const messages = [...input.messages, ...answered, next];
  const events = await turn(sluice.url, "main", { ...input, runId: "second", messages });
  expect(ofType(events, EventType.RUN_STARTED)).toMatchObject([{ input: { messages: [next] } }]);
});

it("not of what a run asks, or ends with", async () => {
  const ask = () => ({ note: interrupt(HALF) });
  const fail = () => {
    throw new Error(FOX.repeat(400).slice(1)); // too long to be sent whole, and cut in the middle of a fox
  };
  sluice = await startSluice({ asking: { graph: graph(ask) }, failing: { graph: graph(fail) } });
  const asked = await turn(sluice.url, "asking", userInput("hi"));
  expect(interruptsOf(asked)).toMatchObject([{ message: MENDED }]);
  expect(JSON.stringify(asked)).not.toMatch(ESCAPED_HALF);
  const failed = await turn(sluice.url, "failing", userInput("hi"));
  expect(failed.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, message: expect.stringContaining(FOX) });
  expect(JSON.stringify(failed)).not.toMatch(ESCAPED_HALF);
});
