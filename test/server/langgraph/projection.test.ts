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

it("in the mode events sends LangChain's events of what clients may see", () => {
  const modes = new Set(["events"] as const);
  const projection = new RunProjection({ threadId: "t", runId: "r", agent: "a", history: [], modes });
  const called = [
    { type: EventType.STEP_STARTED as const, stepName: "chat" },
    ...EVENTS.slice(1),
    { type: EventType.TOOL_CALL_START as const, toolCallId: "c", toolCallName: "look", parentMessageId: "m" },
    { type: EventType.TOOL_CALL_ARGS as const, toolCallId: "c", delta: '{"for":"it"}' },
    { type: EventType.TOOL_CALL_END as const, toolCallId: "c" },
    { type: EventType.STEP_FINISHED as const, stepName: "chat" },
    {
      type: EventType.TOOL_CALL_RESULT as const,
      messageId: "t1",
      toolCallId: "c",
      content: "found",
      role: "tool" as const,
    },
    { type: EventType.CUSTOM as const, name: "progress", value: 50 },
    { type: EventType.CUSTOM as const, name: "sluice.model_call", value: {} },
  ].flatMap((event) => projection.push(event, "chat"));
  const chunk = (content: string, ...calls: object[]) => ({
    chunk: expect.objectContaining({ type: "AIMessageChunk", id: "m", content, tool_call_chunks: calls }),
  });
  const output = expect.objectContaining({ type: "tool", tool_call_id: "c", content: "found" });
  expect(
    called.map(({ event, data }) => [event, (data as { event: string }).event, (data as { data: unknown }).data]),
  ).toEqual(
    [
      ["on_chain_start", {}],
      ["on_chat_model_stream", chunk("Hel")],
      ["on_chat_model_stream", chunk("lo")],
      ["on_chat_model_end", {}],
      ["on_chat_model_stream", chunk("", expect.objectContaining({ id: "c", name: "look", args: "" }))],
      ["on_chat_model_stream", chunk("", expect.objectContaining({ args: '{"for":"it"}' }))],
      ["on_chat_model_end", {}],
      ["on_chain_end", {}],
      ["on_tool_end", { input: { for: "it" }, output }],
      ["on_custom_event", 50],
    ].map(([name, data]) => ["events", name, data]),
  );
  expect(called[0]?.data).toMatchObject({
    name: "chat",
    run_id: "r",
    metadata: { langgraph_node: "chat", run_id: "r" },
  });
});
