import { describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { downgrade, mayNeedDowngrade, speaksOne } from "../../src/protocol/generations.ts";

const run = { threadId: "t", runId: "r" };

describe("the generation of a client", () => {
  it.each([
    [undefined, false],
    ["1.0", true],
    ["1", true],
    ["1.1", true],
    ["2.0", true],
    ["0.0.59", false],
    ["0.9", false],
    ["", false],
    ["new", false],
  ])("announced as %j understands 1.0: %j", (version, understands) => {
    expect(speaksOne(version)).toBe(understands);
  });
});

describe("for a client of the older generation", () => {
  const changed: [string, AguiEvent, AguiEvent][] = [
    [
      "a cancelled run is an error",
      { type: EventType.RUN_FINISHED, ...run, outcome: { type: "cancelled" } },
      { type: EventType.RUN_ERROR, message: "The run was cancelled.", code: "cancelled" },
    ],
    [
      "a success says nothing of pending tool calls",
      { type: EventType.RUN_FINISHED, ...run, outcome: { type: "success", pendingToolCallIds: ["c"] }, result: 1 },
      { type: EventType.RUN_FINISHED, ...run, result: 1 },
    ],
    [
      "a tool result is one text",
      {
        type: EventType.TOOL_CALL_RESULT,
        messageId: "m",
        toolCallId: "c",
        content: [
          { type: "text", text: "a" },
          { type: "image", source: { type: "url", value: "https://x.test/i.png" } },
          { type: "text", text: "b" },
        ],
      },
      { type: EventType.TOOL_CALL_RESULT, messageId: "m", toolCallId: "c", content: "a\n[image]\nb" },
    ],
    [
      "the beginning of a subagent is a custom event",
      { type: EventType.SUBAGENT_STARTED, subagentRunId: "s", name: "expert", timestamp: 1 },
      {
        type: EventType.CUSTOM,
        name: "SUBAGENT_STARTED",
        value: { subagentRunId: "s", name: "expert" },
        timestamp: 1,
      },
    ],
    [
      "its end is one too",
      { type: EventType.SUBAGENT_ERROR, subagentRunId: "s", message: "No." },
      { type: EventType.CUSTOM, name: "SUBAGENT_ERROR", value: { subagentRunId: "s", message: "No." } },
    ],
  ];

  it.each(changed)("%s", (_, event, older) => {
    expect(mayNeedDowngrade(event.type)).toBe(true);
    expect(downgrade(event)).toEqual(older);
  });

  it("an interrupt stays what it is: that generation knows it", () => {
    const event: AguiEvent = {
      type: EventType.RUN_FINISHED,
      ...run,
      outcome: { type: "interrupt", interrupts: [{ id: "i", reason: "input_required" }] },
    };
    expect(downgrade(event)).toBe(event);
  });

  it("everything else passes untouched", () => {
    for (const event of [
      { type: EventType.RUN_FINISHED, ...run },
      { type: EventType.RUN_ERROR, message: "no" },
      { type: EventType.TOOL_CALL_RESULT, messageId: "m", toolCallId: "c", content: "text" },
      { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "x" },
    ] satisfies AguiEvent[]) {
      expect(downgrade(event)).toBe(event);
    }
  });
});
