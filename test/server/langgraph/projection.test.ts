/** A run's events as LangGraph's API writes them, event by event. */
import { expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { RunProjection } from "../../../src/server/langgraph/projection.ts";

const EVENTS: AguiEvent[] = [
  { type: EventType.RUN_STARTED, threadId: "t", runId: "r" },
  { type: EventType.REASONING_START, messageId: "m-reasoning" },
  { type: EventType.REASONING_MESSAGE_START, messageId: "m-reasoning", role: "reasoning" },
  { type: EventType.REASONING_MESSAGE_CONTENT, messageId: "m-reasoning", delta: "Hm." },
  { type: EventType.REASONING_MESSAGE_END, messageId: "m-reasoning" },
  { type: EventType.REASONING_END, messageId: "m-reasoning" },
  { type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" },
  { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "Hel" },
  { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "lo" },
  { type: EventType.TEXT_MESSAGE_END, messageId: "m" },
];

it("in the mode messages each piece brings its message whole, with the reasoning that led to it and nothing else", () => {
  const history = [
    { id: "u", role: "user" as const, content: "Hi" },
    { id: "old", role: "assistant" as const, content: "Yes?" },
  ];
  const modes = new Set(["messages"] as const);
  const projection = new RunProjection({ threadId: "t", runId: "r", agent: "a", history, modes });
  const frames = EVENTS.flatMap((event) => projection.push(event, "chat"));
  const message = (content: string) =>
    expect.objectContaining({ type: "ai", id: "m", content, additional_kwargs: { reasoning_content: "Hm." } });
  expect(frames.filter(({ event }) => event !== "metadata")).toEqual([
    { event: "messages/metadata", data: { m: { metadata: expect.objectContaining({ langgraph_node: "chat" }) } } },
    { event: "messages/partial", data: [message("Hel")] },
    { event: "messages/partial", data: [message("Hello")] },
    { event: "messages/complete", data: [message("Hello")] },
  ]);
});

it("sends a person's message that comes into the run as a message of a person, whole", () => {
  const modes = new Set(["messages-tuple", "values"] as const);
  const projection = new RunProjection({ threadId: "t", runId: "r", agent: "a", history: [], modes });
  const frames = [
    { type: EventType.TEXT_MESSAGE_START as const, messageId: "u", role: "user" as const },
    { type: EventType.TEXT_MESSAGE_CONTENT as const, messageId: "u", delta: "Use euros" },
    { type: EventType.TEXT_MESSAGE_END as const, messageId: "u" },
  ].flatMap((event) => projection.push(event));
  const human = expect.objectContaining({ type: "human", id: "u", content: "Use euros" });
  expect(frames).toEqual([
    { event: "messages", data: [human, expect.anything()] },
    { event: "values", data: { messages: [human] } },
  ]);
});
