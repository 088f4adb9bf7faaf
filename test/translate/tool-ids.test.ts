/** The call that a tool's result belongs to, and how much of the result is sent. */

import { AIMessage } from "@langchain/core/messages";
import { Command } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import type { Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { verifyRun } from "../support/verify.ts";
import {
  ai,
  callPiece,
  everything,
  linesOf,
  modelEnd,
  nodeEnd,
  toolEnd,
  toolError,
  toolMessage,
  toolStart,
  translate,
  update,
} from "./events.ts";

const called = (id: string, args = '{"q":"x"}') => [
  callPiece(`m-${id}`, { id, name: "look", args }),
  modelEnd(`m-${id}`),
];
const results = (lines: readonly string[]) => lines.filter((line) => line.startsWith("TOOL_CALL_RESULT"));
const starts = (lines: readonly string[]) => lines.filter((line) => line.startsWith("TOOL_CALL_START"));

describe("a tool that a node runs with bare arguments", () => {
  it("answers the call it was made for: once, although the node sends the result too", async () => {
    const events = [
      ...called("c1"),
      toolStart("1", "look", { input: '{"q":"x"}' }, { node: "work" }),
      toolEnd("1", "look", "seen", { node: "work" }),
      nodeEnd("work", { output: update(toolMessage("c1", "seen")) }),
    ];
    const lines = linesOf(events);
    expect(starts(lines)).toEqual(["TOOL_CALL_START c1 look of m-m-c1"]);
    expect(results(lines)).toEqual(['TOOL_CALL_RESULT c1 result-c1 "seen"']);
    await verifyRun(translate(events));
  });

  it("is distinguished from others of its name by its arguments, and by the order of the calls", () => {
    const events = [
      ...called("c1", '{"q":"a"}'),
      ...called("c2", '{"q":"b"}'),
      ...called("c3", '{"q":"b"}'),
      toolStart("1", "look", { q: "b" }),
      toolStart("2", "look", { q: "b" }),
      toolStart("3", "look", { q: "a" }),
      toolError("2", "look", "gone"),
      toolEnd("3", "look", "A"),
      toolEnd("1", "look", "B"),
    ];
    expect(results(linesOf(events))).toEqual([
      'TOOL_CALL_RESULT c3 result-c3 "gone"',
      'TOOL_CALL_RESULT c1 result-c1 "A"',
      'TOOL_CALL_RESULT c2 result-c2 "B"',
    ]);
  });

  it("answers a call that an earlier run left open", () => {
    const toolCalls = [{ id: "c0", type: "function" as const, function: { name: "look", arguments: '{"q":"x"}' } }];
    const history: Message[] = [{ id: "a", role: "assistant", toolCalls }];
    const lines = linesOf([toolStart("1", "look", { q: "x" }), toolEnd("1", "look", "seen")], { history });
    expect(lines).toEqual(['TOOL_CALL_RESULT c0 result-c0 "seen"']);
  });

  it("is a call of its own when no call is like it, or all such calls have been run", () => {
    const events = [
      ...called("c1"),
      toolStart("1", "look", { q: "x" }, { call: "c1" }),
      toolStart("2", "look", { q: "x" }),
      toolStart("3", "look", { q: "other" }),
      toolStart("4", "seek", { q: "x" }),
    ];
    expect(starts(linesOf(events)).slice(1)).toEqual([
      "TOOL_CALL_START 2 look",
      "TOOL_CALL_START 3 look",
      "TOOL_CALL_START 4 seek",
    ]);
  });
});

describe("an id that a model uses again", () => {
  const toolCalls = [{ id: "call_0", type: "function" as const, function: { name: "look", arguments: "{}" } }];
  const history: Message[] = [
    { id: "a1", role: "assistant", toolCalls },
    { id: "result-call_0", role: "tool", toolCallId: "call_0", content: "first" },
  ];

  it("has a result of its own each time, in the transcript too", async () => {
    const events = [...called("call_0"), toolEnd("1", "look", "second", { call: "call_0" })];
    expect(results(linesOf(events, { history }))).toEqual(['TOOL_CALL_RESULT call_0-2 result-call_0-2 "second"']);
    const transcript = new Transcript(history);
    for (const sent of translate(events, { history })) transcript.push(sent);
    const tools = transcript.messages.filter(({ role }) => role === "tool");
    expect(tools.map(({ content }) => content)).toEqual(["first", "second"]);
    await verifyRun(translate(events, { history }));
  });

  it("is answered by a node's own message, although the node was given the earlier answer", () => {
    const given = update(toolMessage("call_0", "first", "t1"));
    const node = nodeEnd("work", { input: given, output: update(toolMessage("call_0", "second")) });
    expect(results(linesOf([...called("call_0"), node], { history }))).toEqual([
      'TOOL_CALL_RESULT call_0-2 result-call_0-2 "second"',
    ]);
  });
});

describe("what a tool gives", () => {
  const sent = (output: unknown, options = {}) => translate([toolEnd("1", "look", output, { call: "c1" })], options);

  it("is no state: a command without a message has an empty result", () => {
    const events = sent(new Command({ update: { secret: "hidden" }, goto: "next" }));
    expect(events).toContainEqual(expect.objectContaining({ toolCallId: "c1", content: "" }));
    expect(everything(events)).not.toContain("hidden");
  });

  it("has messages in their plain shape, and no thoughts where those are not sent", () => {
    const output = [ai("a", "<think>hm</think>Hi", { additional_kwargs: { reasoning_content: "secret" } })];
    expect(everything(sent(output))).not.toContain("lc_");
    expect(everything(sent(output))).toContain("secret");
    const given = everything(translate([toolStart("1", "agent", { messages: output })], { reasoning: false }));
    expect(given).toContain("Hi");
    expect(given).not.toMatch(/lc_|secret/);
    const quiet = sent(output, { reasoning: false, reasoningTags: ["think"] });
    expect(quiet).toContainEqual(expect.objectContaining({ content: '[{"type":"ai","content":"Hi","id":"a"}]' }));
  });

  it.each([
    ["text", "x".repeat(1_000_000)],
    ["a message", toolMessage("c1", "x".repeat(1_000_000))],
    ["an object", { text: "x".repeat(1_000_000) }],
    ["messages", [new AIMessage("x".repeat(1_000_000))]],
  ])("is cut with a mark when it is huge: %s", (_, output) => {
    const json = everything(sent(output));
    expect(json).toMatch(/…\[truncated \d+ bytes\]/);
    expect(json.length).toBeLessThan(263_000);
  });
});

describe("one id for several calls", () => {
  const call = (run: string, n: number, place: { node: string }, index = 0) => [
    callPiece(run, { index, id: "c", name: "look", args: `{"n":${n}}` }, place),
  ];
  const byCall = (lines: readonly string[]) =>
    results(lines).map((line) => line.replace(/^TOOL_CALL_RESULT (\S+) \S+ /, "$1 "));

  it("in parallel branches: each result is at the call of its branch", async () => {
    const places = [1, 2, 3].map((n) => ({ node: `work#${n}` }));
    const events = [
      ...places.flatMap((place, n) => call(`m${n}`, n, place)),
      ...places.map((place, n) => modelEnd(`m${n}`, "", place)),
      ...[2, 0, 1].map((n) => toolStart(`t${n}`, "look", { n }, { call: "c", ...places[n] })),
      ...[1, 2, 0].map((n) => toolEnd(`t${n}`, "look", `r${n}`, { call: "c", ...places[n] })),
    ];
    const lines = linesOf(events);
    expect(starts(lines).map((line) => line.split(" ")[1])).toEqual(["c", "c-2", "c-3"]);
    expect(byCall(lines)).toEqual(['c-2 "r1"', 'c-3 "r2"', 'c "r0"']);
    await verifyRun(translate(events));
  });

  it("twice in one answer: the arguments decide, and the node's messages are no second results", async () => {
    const place = { node: "model" };
    const [one, two] = [toolMessage("c", "r1"), toolMessage("c", "r2")];
    const events = [
      ...call("m", 1, place, 0),
      ...call("m", 2, place, 1),
      modelEnd("m", "", place),
      toolStart("t2", "look", { n: 2 }, { call: "c", node: "tools" }),
      toolStart("t1", "look", { n: 1 }, { call: "c", node: "tools" }),
      toolEnd("t1", "look", one, { call: "c", node: "tools" }),
      toolEnd("t2", "look", two, { call: "c", node: "tools" }),
      nodeEnd("tools", { output: update(one, two) }),
    ];
    expect(byCall(linesOf(events))).toEqual(['c "r1"', 'c-2 "r2"']);
    await verifyRun(translate(events));
  });

  it("of a turn before, in a message that is a call alone: it is another call", () => {
    const toolCalls = [{ id: "c", type: "function" as const, function: { name: "look", arguments: "{}" } }];
    const history: Message[] = [{ id: "a", role: "assistant", toolCalls }];
    const made = new AIMessage({ content: "", tool_calls: [{ id: "c", name: "look", args: {} }] });
    const lines = linesOf([nodeEnd("work", { output: update(made) })], { history, ownFrom: 1 });
    expect(starts(lines)).toEqual([expect.stringMatching(/^TOOL_CALL_START c-2 look/)]);
  });
});
