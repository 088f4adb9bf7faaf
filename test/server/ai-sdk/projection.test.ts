/** A run's events as chunks that the AI SDK's reader accepts, for every kind of run. */
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from "ai";
import { describe, expect, test } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../../src/protocol/events.ts";
import { type AnswerOptions, AnswerProjection, type Chunk } from "../../../src/server/ai-sdk/projection.ts";
import { chatRequest, continuedBy, toRunInput } from "../../../src/server/ai-sdk/request.ts";
import { toUiMessages } from "../../../src/server/ai-sdk/ui-messages.ts";

const USER = { id: "u1", role: "user" as const, content: "hi" };

type Fields = Record<string, unknown>;
const event = (type: EventType, fields: Fields = {}) => ({ type, ...fields }) as unknown as AguiEvent;
const started = (messages: readonly Message[] = [USER]) =>
  event(EventType.RUN_STARTED, { threadId: "t", runId: "r", input: { threadId: "t", runId: "r", messages } });
const finished = (fields: Fields = {}) => event(EventType.RUN_FINISHED, { threadId: "t", runId: "r", ...fields });
const text = (messageId: string, delta: string) => [
  event(EventType.TEXT_MESSAGE_START, { messageId, role: "assistant" }),
  event(EventType.TEXT_MESSAGE_CONTENT, { messageId, delta }),
  event(EventType.TEXT_MESSAGE_END, { messageId }),
];
const call = (toolCallId: string, parentMessageId: string, args: string) => [
  event(EventType.TOOL_CALL_START, { toolCallId, toolCallName: "look", parentMessageId }),
  event(EventType.TOOL_CALL_ARGS, { toolCallId, delta: args }),
  event(EventType.TOOL_CALL_END, { toolCallId }),
];
const result = (toolCallId: string, content: string, metadata?: Fields) =>
  event(EventType.TOOL_CALL_RESULT, { messageId: `${toolCallId}-r`, toolCallId, content, metadata });
const snapshot = (...messages: Message[]) => event(EventType.MESSAGES_SNAPSHOT, { messages });

function chunks(events: readonly AguiEvent[], options: Partial<AnswerOptions> = {}): Chunk[] {
  const projection = new AnswerProjection({ runId: "r", history: [], ...options });
  return events.flatMap((each) => projection.push(each));
}

/** The message that the AI SDK's reader makes of a run. */
async function read(events: readonly AguiEvent[], options: Partial<AnswerOptions> = {}, message?: UIMessage) {
  const made = chunks(events, options) as unknown as UIMessageChunk[];
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of made) controller.enqueue(chunk);
      controller.close();
    },
  });
  let last: UIMessage | undefined;
  for await (const state of readUIMessageStream({ stream, ...(message ? { message } : {}), terminateOnError: true })) {
    last = structuredClone(state);
  }
  return last;
}

const kinds = (message: UIMessage | undefined) => message?.parts.map(({ type }) => type);

describe("steps", () => {
  test("a message is a step, with the reasoning before it; its calls and their results stay in it", async () => {
    const thought = { messageId: "t1" };
    const message = await read([
      started(),
      event(EventType.REASONING_START, thought),
      event(EventType.REASONING_MESSAGE_START, { ...thought, role: "reasoning" }),
      event(EventType.REASONING_MESSAGE_CONTENT, { ...thought, delta: "hm" }),
      event(EventType.REASONING_MESSAGE_END, thought),
      event(EventType.REASONING_END, thought),
      ...text("m1", "I look."),
      ...call("c1", "m1", '{"a":1}'),
      ...call("c2", "m1", ""),
      result("c1", "12"),
      result("c2", "not there", { error: "not there" }),
      ...text("m2", "Done."),
      finished(),
    ]);
    expect(kinds(message)).toEqual(["step-start", "reasoning", "text", "tool-look", "tool-look", "step-start", "text"]);
    expect(message?.parts[3]).toMatchObject({ input: { a: 1 }, output: "12" });
    expect(message?.parts[4]).toMatchObject({ input: {}, state: "output-error", errorText: "not there" });
    expect(message?.id).toBe("u1-answer");
  });

  test("no step ends while something is open in it", async () => {
    const [start, content, end] = text("m1", "one") as [AguiEvent, AguiEvent, AguiEvent];
    const [start2, content2, end2] = text("m2", "two") as [AguiEvent, AguiEvent, AguiEvent];
    const message = await read([
      started(),
      start,
      start2,
      content,
      content2,
      end,
      ...call("c1", "m3", "{}"),
      end2,
      finished(),
    ]);
    expect(message?.parts.filter(({ type }) => type === "text")).toMatchObject([{ text: "one" }, { text: "two" }]);
    expect(message?.parts.find(({ type }) => type === "tool-look")).toMatchObject({ state: "input-available" });
  });
});

test("a call whose arguments were cut short never becomes available, and comes back as no call", async () => {
  const message = await read([started(), ...call("c1", "m1", '{"a":'), finished({ outcome: { type: "cancelled" } })]);
  expect(message?.parts.at(-1)).toMatchObject({ type: "tool-look", state: "input-streaming" });
  const chat = chatRequest.parse({ id: "t", messages: [{ id: "u1", role: "user", parts: [] }, message] });
  expect(toRunInput(chat, [], "r2").messages.filter(({ role }) => role === "assistant")).toEqual([]);
});

test("a result for a call that the client does not have is not sent: its reader would fail", () => {
  expect(chunks([started(), result("elsewhere", "x"), finished()]).map(({ type }) => type)).toEqual([
    "start",
    "finish",
  ]);
});

test.each([
  [{}, "stop"],
  [{ metadata: { finishReason: "max_tokens" } }, "length"],
  [{ metadata: { finishReason: "content_filter" } }, "content-filter"],
  [{ metadata: { incomplete: true } }, "other"],
  [{ outcome: { type: "success", pendingToolCallIds: ["c"] } }, "tool-calls"],
  [{ outcome: { type: "interrupt", interrupts: [{ id: "i", reason: "x" }] } }, "tool-calls"],
])("%o ends with %s", (fields, finishReason) => {
  expect(chunks([started(), finished(fields)]).at(-1)).toEqual({ type: "finish", finishReason });
});

describe("a client that comes in the middle", () => {
  const history: Message[] = [
    USER,
    {
      id: "m1",
      role: "assistant",
      content: "Look.",
      toolCalls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }],
    },
  ];
  const tool: Message = { id: "x", role: "tool", toolCallId: "c1", content: "seen" };

  test("is sent the whole turn, of which a run may be the second", async () => {
    const message = await read([started([tool]), ...text("m2", "Good."), finished()], { history });
    expect(message?.id).toBe("u1-answer");
    expect(kinds(message)).toEqual(["step-start", "text", "tool-look", "step-start", "text"]);
    expect(message?.parts[2]).toMatchObject({ output: "seen" });
    expect(message?.parts.map((part) => ("text" in part ? part.text : ""))).toContain("Good.");
  });

  test("the one that goes on with its own message gets the new part alone", async () => {
    const [, own] = toUiMessages(history) as unknown as [UIMessage, UIMessage];
    const continued = { messageId: "mine", calls: ["c1"] };
    const message = await read(
      [started([tool]), ...text("m2", "Good."), finished()],
      { history, continued },
      { ...own, id: "mine" },
    );
    expect(message?.id).toBe("mine");
    expect(kinds(message)).toEqual(["step-start", "text", "tool-look", "step-start", "text"]);
  });

  test("after a gap the snapshot stands in for what is no longer kept", async () => {
    const later: Message = { id: "m0", role: "assistant", content: "Before." };
    const message = await read([
      event(EventType.RUN_STARTED, { threadId: "t", runId: "r" }),
      event(EventType.CUSTOM, { name: "sluice.gap", value: { reason: "window" } }),
      snapshot(USER, later),
      ...text("m1", "After."),
      finished(),
    ]);
    expect(message?.id).toBe("u1-answer");
    expect(message?.parts.flatMap((part) => (part.type === "text" ? part.text : []))).toEqual(["Before.", "After."]);
  });
});

test("what was taken back is corrected at the end, for pages that listen", () => {
  const kept: Message = { id: "m2", role: "assistant", content: "Right." };
  const made = chunks([started(), ...text("m1", "Wrong."), ...text("m2", "Right."), snapshot(USER, kept), finished()]);
  const [corrected] = made.filter(({ type }) => type === "data-sluice.corrected");
  expect(corrected).toMatchObject({ transient: true, data: { id: "u1-answer", role: "assistant" } });
  expect(JSON.stringify(corrected)).not.toContain("Wrong.");
  expect(made.at(-1)).toEqual({ type: "finish", finishReason: "stop" });
});

test("messages come back as they were: every part has the id of its message", () => {
  const source = { type: "url", value: "https://x.test/a.png" } as const;
  const thread: Message[] = [
    {
      id: "u1",
      role: "user",
      content: [
        { type: "text", text: "see" },
        { type: "image", source },
      ],
    },
    { id: "t1", role: "reasoning", content: "hm" },
    {
      id: "m1",
      role: "assistant",
      content: "I look.",
      toolCalls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"a":1}' } }],
    },
    { id: "m2", role: "tool", toolCallId: "c1", content: "[1,2]" },
    { id: "m3", role: "assistant", content: "Done." },
    { id: "u2", role: "user", content: [{ type: "document", source: { type: "file", value: "f1" } }] },
  ];
  const chat = chatRequest.parse({ id: "t", messages: toUiMessages(thread) });
  const { messages } = toRunInput(chat, [], "r");
  const spoken = thread.filter(({ role }) => role !== "reasoning");
  expect(messages).toEqual(spoken.map((message) => (message.id === "m2" ? { ...message, id: "c1-result" } : message)));
  expect(continuedBy(chat)).toBeUndefined();
  expect(continuedBy({ ...chat, messageId: "u1-answer" })).toEqual({ messageId: "u1-answer", calls: ["c1"] });
});

test("a person's message that comes into the run is no part of the answer", async () => {
  const injected = [
    event(EventType.TEXT_MESSAGE_START, { messageId: "u2", role: "user" }),
    event(EventType.TEXT_MESSAGE_CONTENT, { messageId: "u2", delta: "Use euros" }),
    event(EventType.TEXT_MESSAGE_END, { messageId: "u2" }),
  ];
  const message = await read([started(), ...text("a", "One"), ...injected, ...text("b", "Two"), finished()]);
  expect(message?.parts.flatMap((part) => (part.type === "text" ? [part.text] : []))).toEqual(["One", "Two"]);
});
