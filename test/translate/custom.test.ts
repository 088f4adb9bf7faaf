/** The names by which graphs written for AG-UI frontends ask for more than a CUSTOM event. */
import { describe, expect, it } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import { readCustom } from "../../src/translate/custom.ts";
import { ai, custom, linesOf, modelEnd, nodeEnd, token, translate, update } from "./events.ts";

describe("a name", () => {
  it.each(["manually_emit_message", "copilotkit_manually_emit_message"])("%s asks for a message", (name) => {
    const wish = { kind: "message", messageId: "m", text: "Hello." };
    expect(readCustom(custom(name, { message: "Hello.", message_id: "m" }))).toEqual(wish);
    expect(readCustom(custom(name, "Hello."))).toEqual({ ...wish, messageId: "root-message" });
  });

  it.each(["manually_emit_tool_call", "copilotkit_manually_emit_tool_call"])("%s asks for a tool call", (name) => {
    const wish = { kind: "tool_call", toolCallId: "c", name: "look", args: '{"at":"sky"}' };
    expect(readCustom(custom(name, { id: "c", name: "look", args: { at: "sky" } }))).toEqual(wish);
    expect(readCustom(custom(name, { id: "c", name: "look", args: '{"at":"sky"}' }))).toEqual(wish);
    expect(readCustom(custom(name, { id: "c", name: "look" }))).toEqual({ ...wish, args: "{}" });
  });

  it.each(["manually_emit_state", "manually_emit_intermediate_state", "copilotkit_manually_emit_intermediate_state"])(
    "%s asks for state",
    (name) => {
      expect(readCustom(custom(name, { a: 1 }))).toEqual({ kind: "state", values: { a: 1 } });
    },
  );

  it.each(["manually_emit_activity", "copilotkit_manually_emit_activity"])("%s asks for an activity", (name) => {
    const about = { message_id: "a", activity_type: "PLAN" };
    const activity = { messageId: "a", activityType: "PLAN", replace: true };
    const content = { steps: [] };
    expect(readCustom(custom(name, { ...about, content }))).toEqual({
      kind: "activity",
      activity: { ...activity, content },
    });
    const patch = [{ op: "add", path: "/steps/0", value: "dig" }];
    expect(readCustom(custom(name, { ...about, patch, replace: false }))).toEqual({
      kind: "activity",
      activity: { ...activity, replace: false, patch },
    });
  });

  it.each<[string, unknown]>([
    ["manually_emit_activity", { activity_type: "PLAN" }],
    ["manually_emit_activity", { activity_type: "PLAN", content: "text" }],
    ["manually_emit_activity", { activity_type: 7, content: {} }],
    ["manually_emit_activity", { activity_type: "", content: {} }],
    ["manually_emit_activity", { activity_type: "PLAN", message_id: 7, content: {} }],
    ["manually_emit_activity", { activity_type: "PLAN", content: {}, replace: "no" }],
    ["progress", { done: 1 }],
    ["manually_emit_message", { text: "in the wrong field" }],
    ["manually_emit_message", { message: "Hello.", message_id: 7 }],
    ["manually_emit_tool_call", { name: "no id" }],
    ["manually_emit_tool_call", "look"],
    ["manually_emit_state", "text"],
    ["manually_emit_state", [1]],
    ["not_manually_emit_message", { message: "Hello." }],
  ])("%s with %j is sent as it is", (name, value) => {
    expect(readCustom(custom(name, value))).toEqual({
      kind: "event",
      events: [{ type: EventType.CUSTOM, name, value }],
    });
  });
});

describe("a message that a graph emits by itself", () => {
  const emitted = (value: unknown) => custom("manually_emit_message", value, { node: "work" });

  it("leaves whole", () => {
    expect(linesOf([emitted({ message: "Hello.", message_id: "m" })])).toEqual([
      "TEXT_MESSAGE_START m",
      'TEXT_MESSAGE_CONTENT m "Hello."',
      "TEXT_MESSAGE_END m",
    ]);
  });

  it("stands beside one that is open", () => {
    expect(
      linesOf([token("r", "One "), emitted({ message: "Hello.", message_id: "m" }), token("r", "two."), modelEnd("r")]),
    ).toEqual([
      "TEXT_MESSAGE_START m-r",
      'TEXT_MESSAGE_CONTENT m-r "One "',
      "TEXT_MESSAGE_START m",
      'TEXT_MESSAGE_CONTENT m "Hello."',
      "TEXT_MESSAGE_END m",
      'TEXT_MESSAGE_CONTENT m-r "two."',
      "TEXT_MESSAGE_END m-r",
    ]);
  });

  it("is another message each time, also with an id that was there before", () => {
    const again = { message: "Again.", message_id: "m" };
    const events = translate([emitted(again), emitted(again), emitted("Again."), emitted("Again."), emitted("Again.")]);
    const ids = events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_START ? [event.messageId] : []));
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
  });

  it("has its thoughts left out: nobody emits those on purpose", () => {
    const lines = linesOf([emitted({ message: "<think>Hm.</think>Hello.", message_id: "m" })], {
      reasoningTags: ["think"],
    });
    expect(lines).toContain('TEXT_MESSAGE_CONTENT m "Hello."');
    expect(lines.join("\n")).not.toContain("Hm");
  });

  it("does not come again from its node's return, as its id or its text shows", () => {
    const returned = nodeEnd("work", { output: update(ai("m", "Other words."), ai("state-1", "Hello.")) });
    expect(linesOf([emitted({ message: "Hello.", message_id: "m" }), returned])).toHaveLength(3);
  });
});

describe("a tool call that a graph emits by itself", () => {
  const emitted = custom("manually_emit_tool_call", { id: "c", name: "look", args: { at: "sky" } }, { node: "work" });

  it("leaves whole, once", () => {
    expect(linesOf([emitted, emitted])).toEqual([
      "TOOL_CALL_START c look",
      'TOOL_CALL_ARGS c {"at":"sky"}',
      "TOOL_CALL_END c",
    ]);
  });

  it("does not come again from its node's return", () => {
    const tool_calls = [{ id: "c", name: "look", args: { at: "sky" }, type: "tool_call" }];
    const returned = nodeEnd("work", { output: update(ai("m", "", { tool_calls })) });
    expect(linesOf([emitted, returned])).toHaveLength(3);
  });
});
