import { AIMessageChunk, ToolMessage } from "@langchain/core/messages";
import { Command } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { EventType } from "../../src/protocol/events.ts";
import { verifyRun } from "../support/verify.ts";
import {
  ai,
  callPiece,
  event,
  everything,
  linesOf,
  modelEnd,
  token,
  toolEnd,
  toolError,
  toolMessage,
  toolStart,
  translate,
} from "./events.ts";

describe("a tool call that a model streams in pieces", () => {
  it("leaves as it comes", () => {
    const events = [
      callPiece("a", { id: "c1", name: "add", args: "" }),
      callPiece("a", { args: '{"x"' }),
      callPiece("a", { args: ":1}" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 add of m-a",
      'TOOL_CALL_ARGS c1 {"x"',
      "TOOL_CALL_ARGS c1 :1}",
      "TOOL_CALL_END c1",
    ]);
  });

  it("may have its name in pieces", () => {
    const events = [
      callPiece("a", { id: "c1", name: "search" }),
      callPiece("a", { name: "_docs" }),
      callPiece("a", { args: "{}" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 search_docs of m-a",
      "TOOL_CALL_ARGS c1 {}",
      "TOOL_CALL_END c1",
    ]);
  });

  it("may repeat its whole name in every piece", () => {
    const events = [
      callPiece("a", { id: "c1", name: "add", args: "" }),
      callPiece("a", { id: "c1", name: "add", args: '{"x":' }),
      callPiece("a", { id: "c1", name: "add", args: "1}" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 add of m-a",
      'TOOL_CALL_ARGS c1 {"x":',
      "TOOL_CALL_ARGS c1 1}",
      "TOOL_CALL_END c1",
    ]);
  });

  it("may get its id after its first arguments", () => {
    const events = [
      callPiece("a", { name: "add", args: '{"x":' }),
      callPiece("a", { id: "c1", args: "1}" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual(["TOOL_CALL_START c1 add of m-a", 'TOOL_CALL_ARGS c1 {"x":1}', "TOOL_CALL_END c1"]);
  });

  it("may have no arguments and no id at all", () => {
    expect(linesOf([callPiece("a", { name: "now" }), modelEnd("a")])).toEqual([
      "TOOL_CALL_START m-a-call-0 now of m-a",
      "TOOL_CALL_END m-a-call-0",
    ]);
  });

  it("stands beside others, distinguished by their index", () => {
    const events = [
      callPiece("a", { index: 0, id: "c1", name: "add", args: "[1" }),
      callPiece("a", { index: 1, id: "c2", name: "sub", args: "[9" }),
      callPiece("a", { index: 0, args: ",2]" }),
      callPiece("a", { index: 1, args: ",8]" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 add of m-a",
      "TOOL_CALL_ARGS c1 [1",
      "TOOL_CALL_START c2 sub of m-a",
      "TOOL_CALL_ARGS c2 [9",
      "TOOL_CALL_ARGS c1 ,2]",
      "TOOL_CALL_ARGS c2 ,8]",
      "TOOL_CALL_END c1",
      "TOOL_CALL_END c2",
    ]);
  });

  it("ends when another begins at its index: some providers number every call 0", () => {
    const events = [
      callPiece("a", { index: 0, id: "c1", name: "add", args: "[1]" }),
      callPiece("a", { index: 0, id: "c2", name: "sub", args: "[2]" }),
      modelEnd("a"),
    ];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 add of m-a",
      "TOOL_CALL_ARGS c1 [1]",
      "TOOL_CALL_END c1",
      "TOOL_CALL_START c2 sub of m-a",
      "TOOL_CALL_ARGS c2 [2]",
      "TOOL_CALL_END c2",
    ]);
  });

  it("comes after text of the same message", () => {
    const events = [token("a", "Let me see."), callPiece("a", { id: "c1", name: "add", args: "{}" }), modelEnd("a")];
    expect(linesOf(events)).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Let me see."',
      "TOOL_CALL_START c1 add of m-a",
      "TOOL_CALL_ARGS c1 {}",
      "TOOL_CALL_END c1",
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("keeps the sequence legal even when two have one id", async () => {
    const twice = [
      callPiece("a", { index: 0, id: "c", name: "add", args: "[1" }),
      callPiece("a", { index: 1, id: "c", name: "add", args: "[2" }),
      callPiece("b", { index: 0, id: "c", name: "add", args: "[3" }),
      modelEnd("a"),
      modelEnd("b"),
    ];
    await verifyRun(translate(twice));
    await verifyRun(translate(twice.slice(0, 3)));
  });

  it("is another call than one of the same id that is still open, even when the id comes with every piece", () => {
    const piece = (index: number, args: string) => callPiece("a", { index, id: "c", name: "add", args });
    expect(linesOf([piece(0, "[1"), piece(1, "[2"), piece(0, ",3]"), piece(1, ",4]"), modelEnd("a")])).toEqual([
      "TOOL_CALL_START c add of m-a",
      "TOOL_CALL_ARGS c [1",
      "TOOL_CALL_START c-2 add of m-a",
      "TOOL_CALL_ARGS c-2 [2",
      "TOOL_CALL_ARGS c ,3]",
      "TOOL_CALL_ARGS c-2 ,4]",
      "TOOL_CALL_END c",
      "TOOL_CALL_END c-2",
    ]);
  });

  it("that nobody finished is closed at the end of the run", () => {
    const lines = linesOf([callPiece("a", { id: "c1", name: "add", args: '{"x' })], { end: { kind: "cancelled" } });
    expect(lines).toEqual(["TOOL_CALL_START c1 add of m-a", 'TOOL_CALL_ARGS c1 {"x', "TOOL_CALL_END c1"]);
  });
});

describe("a tool that runs", () => {
  it("is announced when no model streamed the call", () => {
    const events = [toolStart("1", "add", { x: 1 }, { call: "c1" }), toolEnd("1", "add", "2", { call: "c1" })];
    expect(linesOf(events)).toEqual([
      "TOOL_CALL_START c1 add",
      'TOOL_CALL_ARGS c1 {"x":1}',
      "TOOL_CALL_END c1",
      'TOOL_CALL_RESULT c1 result-c1 "2"',
    ]);
  });

  it("is known by its run when nobody gave the call an id", () => {
    expect(linesOf([toolStart("1", "add", { x: 1 }), toolEnd("1", "add", "2")])).toEqual([
      "TOOL_CALL_START 1 add",
      'TOOL_CALL_ARGS 1 {"x":1}',
      "TOOL_CALL_END 1",
      'TOOL_CALL_RESULT 1 result-1 "2"',
    ]);
  });

  it("is not announced twice: a model of this run or of an earlier one streamed the call", () => {
    const run = [toolStart("1", "add", { x: 1 }, { call: "c1" }), toolEnd("1", "add", "2", { call: "c1" })];
    const streamed = [callPiece("a", { id: "c1", name: "add", args: "{}" }), modelEnd("a"), ...run];
    expect(linesOf(streamed).filter((line) => line.startsWith("TOOL_CALL_START"))).toHaveLength(1);
    const call = { id: "c1", type: "function" as const, function: { name: "add", arguments: "{}" } };
    const history = [{ id: "m", role: "assistant" as const, toolCalls: [call] }];
    expect(linesOf(run, { history })).toEqual(['TOOL_CALL_RESULT c1 result-c1 "2"']);
  });

  it("may get its arguments as JSON in `input`, as older tools do, or really be called with an `input`", () => {
    const argsOf = (input: unknown) =>
      linesOf([toolStart("1", "add", input)]).find((line) => line.startsWith("TOOL_CALL_ARGS"));
    expect(argsOf({ input: '{"x":1}' })).toBe('TOOL_CALL_ARGS 1 {"x":1}');
    expect(argsOf({ input: "tell me" })).toBe('TOOL_CALL_ARGS 1 {"input":"tell me"}');
    expect(argsOf({ input: '{"x":1}', y: 2 })).toBe('TOOL_CALL_ARGS 1 {"input":"{\\"x\\":1}","y":2}');
    expect(argsOf(undefined)).toBe("TOOL_CALL_ARGS 1 {}");
  });

  it.each<[string, unknown, string]>([
    ["text", "2", 'TOOL_CALL_RESULT c1 result-c1 "2"'],
    ["an object", { sum: 2 }, 'TOOL_CALL_RESULT c1 result-c1 "{"sum":2}"'],
    ["nothing", undefined, 'TOOL_CALL_RESULT c1 result-c1 "null"'],
    ["a message", toolMessage("c1", "2"), 'TOOL_CALL_RESULT c1 result-c1 "2"'],
    ["a message with an id", toolMessage("c1", "2", "m9"), 'TOOL_CALL_RESULT c1 m9 "2"'],
    ["a message that names another call", toolMessage("c7", "2"), 'TOOL_CALL_RESULT c7 result-c7 "2"'],
    [
      "a message of parts",
      new ToolMessage({ tool_call_id: "c1", content: [{ type: "text", text: "2" }] }),
      'TOOL_CALL_RESULT c1 result-c1 "2"',
    ],
    [
      "a command with a message",
      new Command({ update: { messages: [toolMessage("c1", "done")] }, goto: "next" }),
      'TOOL_CALL_RESULT c1 result-c1 "done"',
    ],
  ])("may give %s", (_, output, result) => {
    expect(linesOf([toolEnd("1", "add", output, { call: "c1" })])).toEqual([result]);
  });

  it.each([
    ["with its id", { call: "c2" }, "Handed to b"],
    ["without an id", {}, "Handed to b"],
    ["that the command does not answer", { call: "c3" }, ""],
  ])("gives the result of its own call where a command carries the history: a call %s", (_, place, content) => {
    const history = [toolMessage("c1", "Handed to a"), ai("m", "a worked."), toolMessage("c2", "Handed to b")];
    const output = new Command({ update: { messages: history }, goto: "b" });
    const results = translate([toolEnd("1", "to_b", output, place)]).filter(
      ({ type }) => type === EventType.TOOL_CALL_RESULT,
    );
    expect(results).toEqual([expect.objectContaining({ toolCallId: "call" in place ? place.call : "c2", content })]);
  });

  it("that fails gives its error's message, never a stack, a path or a key", () => {
    const error = "no luck with sk-abcdef123456 in /home/alice/app/tool.js\n    at run (/home/alice/app/tool.js:1:2)";
    const events = translate([toolStart("1", "add", {}, { call: "c1" }), toolError("1", "add", error, { call: "c1" })]);
    const result = events.find(({ type }) => type === EventType.TOOL_CALL_RESULT);
    expect(result).toEqual({
      type: EventType.TOOL_CALL_RESULT,
      messageId: "result-c1",
      toolCallId: "c1",
      role: "tool",
      content: "no luck with <key> in <path>",
      metadata: { error: "no luck with <key> in <path>" },
    });
    expect(everything(events)).not.toMatch(/alice|abcdef|at run/);
  });

  it("that fails with anything still has a result", () => {
    for (const error of [undefined, null, {}, 7]) {
      expect(linesOf([toolError("1", "add", error, { call: "c1" })])).toEqual([
        'TOOL_CALL_RESULT c1 result-c1 "The tool failed."',
      ]);
    }
  });
});

it("a model that talks and calls, tools that run, and the answer, as one conversation", async () => {
  const events = [
    token("a", "Adding."),
    callPiece("a", { index: 0, id: "c1", name: "add", args: '{"x":1}' }),
    callPiece("a", { index: 1, id: "c2", name: "div", args: '{"y":0}' }),
    modelEnd("a", "Adding."),
    toolStart("1", "add", { x: 1 }, { call: "c1" }),
    toolStart("2", "div", { y: 0 }, { call: "c2" }),
    toolError("2", "div", "Division by zero", { call: "c2" }),
    toolEnd("1", "add", toolMessage("c1", "2", "t1"), { call: "c1" }),
    token("b", "Two, and an error."),
    modelEnd("b", "Two, and an error."),
  ];
  expect(linesOf(events)).toEqual([
    "TEXT_MESSAGE_START m-a",
    'TEXT_MESSAGE_CONTENT m-a "Adding."',
    "TOOL_CALL_START c1 add of m-a",
    'TOOL_CALL_ARGS c1 {"x":1}',
    "TOOL_CALL_START c2 div of m-a",
    'TOOL_CALL_ARGS c2 {"y":0}',
    "TOOL_CALL_END c1",
    "TOOL_CALL_END c2",
    "TEXT_MESSAGE_END m-a",
    'TOOL_CALL_RESULT c2 result-c2 "Division by zero"',
    'TOOL_CALL_RESULT c1 t1 "2"',
    "TEXT_MESSAGE_START m-b",
    'TEXT_MESSAGE_CONTENT m-b "Two, and an error."',
    "TEXT_MESSAGE_END m-b",
  ]);
  await verifyRun(translate(events));
});

it("a whole message with tool calls, of a model that does not stream", () => {
  const output = new AIMessageChunk({
    id: "m-a",
    content: "",
    tool_calls: [
      { id: "c1", name: "add", args: { x: 1 } },
      { id: "c2", name: "add", args: { x: 2 } },
    ],
  });
  expect(linesOf([event("on_chat_model_end", "a", { output })])).toEqual([
    "TOOL_CALL_START c1 add of m-a",
    'TOOL_CALL_ARGS c1 {"x":1}',
    "TOOL_CALL_START c2 add of m-a",
    'TOOL_CALL_ARGS c2 {"x":2}',
    "TOOL_CALL_END c1",
    "TOOL_CALL_END c2",
  ]);
});
