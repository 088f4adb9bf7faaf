import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { verifyRun } from "../support/verify.ts";

const ids = { threadId: "t", runId: "r" };
const started: AguiEvent = { type: EventType.RUN_STARTED, ...ids };
const finished: AguiEvent = { type: EventType.RUN_FINISHED, ...ids };
const cancelled: AguiEvent = { ...finished, outcome: { type: "cancelled" } };
const open: AguiEvent = { type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" };
const said: AguiEvent = { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "hi" };
const close: AguiEvent = { type: EventType.TEXT_MESSAGE_END, messageId: "m" };

describe("verifyRun", () => {
  // The clients print what they refuse.
  beforeEach(() => {
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each<[string, AguiEvent[]]>([
    ["a run with a message", [started, open, said, close, finished]],
    ["a cancelled run, which only the newer client knows", [started, cancelled]],
    ["a failed run", [started, { type: EventType.RUN_ERROR, message: "no", code: "graph_error" }]],
  ])("accepts %s", async (_, events) => {
    await expect(verifyRun(events)).resolves.toBeUndefined();
  });

  it.each<[string, AguiEvent[], RegExp]>([
    ["no events at all", [], /begins with RUN_STARTED, not undefined/],
    ["a truncated run", [started, open, said, close], /ends once, not with \[\]/],
    ["two ends", [started, finished, { type: EventType.RUN_ERROR, message: "no" }], /ends once/],
    ["an event after the end", [started, finished, open], /Nothing follows RUN_FINISHED/],
    ["a message left open", [started, open, said, finished], /text messages are still active: m/],
    ["content of a message that is not open", [started, said, finished], /No active text message found with ID 'm'/],
    [
      "a delta that is no text",
      [started, open, { ...said, delta: 1 } as unknown as AguiEvent, close, finished],
      /delta/,
    ],
  ])("refuses %s", async (_, events, complaint) => {
    await expect(verifyRun(events)).rejects.toThrow(complaint);
  });
});
