/** The messages of subagents in the thread of the React binding. */
import { expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { changed, emptyThread } from "../../src/react/thread.ts";

const subagentRunId = "s1";
const events: readonly AguiEvent[] = [
  { type: EventType.REASONING_MESSAGE_START, messageId: "r", role: "reasoning", subagentRunId },
  { type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant", subagentRunId },
  { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "Hi", subagentRunId },
  { type: EventType.TOOL_CALL_START, toolCallId: "c", toolCallName: "look", parentMessageId: "calls", subagentRunId },
  { type: EventType.TOOL_CALL_RESULT, messageId: "t", toolCallId: "c", content: "found", role: "tool", subagentRunId },
  { type: EventType.TEXT_MESSAGE_START, messageId: "own", role: "assistant" },
];

it("a message has the subagent that it is of, and a message of the served graph has none", () => {
  const thread = events.reduce((now, event) => changed(now, { kind: "event", event }), emptyThread("t"));
  expect(thread.messages.map((message) => [message.id, "subagentRunId" in message && message.subagentRunId])).toEqual([
    ["r", "s1"],
    ["m", "s1"],
    ["calls", "s1"],
    ["t", "s1"],
    ["own", false],
  ]);
});
