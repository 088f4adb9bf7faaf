import { describe, expect, it } from "vitest";
import { type AllowList, allowList } from "../../src/graph/allow-list.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { verifyRun } from "../support/verify.ts";
import { ai, linesOf, modelEnd, modelStart, nodeEnd, terminalOf, token, translate, update } from "./events.ts";

const UNREAD = allowList({ events: ["on_chat_model_stream", "on_chain_end"] });
const EVERYTHING = allowList({ events: ["on_*"] });
const call = { id: "c1", name: "pick", args: { of: 3 } };
const CALL = ["TOOL_CALL_START c1 pick of m-a", 'TOOL_CALL_ARGS c1 {"of":3}', "TOOL_CALL_END c1"];
const THOUGHT = [
  "REASONING_START m-a-reasoning",
  "REASONING_MESSAGE_START m-a-reasoning",
  'REASONING_MESSAGE_CONTENT m-a-reasoning "Hm."',
  "REASONING_MESSAGE_END m-a-reasoning",
  "REASONING_END m-a-reasoning",
];
const SAID = ["TEXT_MESSAGE_START m-a", 'TEXT_MESSAGE_CONTENT m-a "Choose: "', "TEXT_MESSAGE_END m-a"];
const thinking = { type: "thinking", thinking: "Hm." };
const text = { type: "text", text: "Choose: " };

/** A node in which a model is invoked: its chunks, and the message that it comes to. */
function invoked(chunks: object[], whole: object, returned: object = whole): GraphEvent[] {
  const place = { node: "n" };
  return [
    modelStart("a", place),
    ...chunks.map((chunk) => token("a", chunk, place)),
    modelEnd("a", whole, place),
    nodeEnd("n", { output: update(ai("m-a", "", returned)) }),
  ];
}

const sent = (events: readonly GraphEvent[], list: AllowList) =>
  linesOf(events, { allowList: list }).filter((line) => !line.startsWith("STEP"));

describe.each([
  ["whose end is admitted", EVERYTHING],
  ["whose end is not, by its node's end", UNREAD],
])("what a finished message has and its chunks did not leaves, of a model %s", (_, list) => {
  const sorted = (lines: readonly string[]) => [...lines].sort();

  it.each<[string, object[], object, string[]]>([
    ["its calls", [{ content: "Choose: " }], { content: "Choose: ", tool_calls: [call] }, [...SAID, ...CALL]],
    ["its reasoning", [{ content: "Choose: " }], { content: [thinking, text] }, [...SAID, ...THOUGHT]],
    [
      "both, where the calls alone were streamed",
      [{ tool_call_chunks: [{ type: "tool_call_chunk", index: 0, ...call, args: '{"of":3}' }] }],
      { content: [thinking], tool_calls: [call] },
      [...CALL, ...THOUGHT],
    ],
    [
      "nothing twice",
      [{ content: [thinking] }, { content: "Choose: " }],
      { content: [thinking, text] },
      [...THOUGHT, ...SAID],
    ],
  ])("%s", async (_, chunks, whole, lines) => {
    const events = invoked(chunks, whole);
    expect(sorted(sent(events, list))).toEqual(sorted(lines));
    await verifyRun(translate(events, { allowList: list }));
  });

  it("in a message of the node's own as well, and once", () => {
    const whole = { content: "Choose: ", tool_calls: [call] };
    const events = [
      ...invoked([{ content: "Choose: " }], whole).slice(0, -1),
      nodeEnd("n", { output: update(ai("other", "", whole)) }),
      nodeEnd("m", { input: update(ai("other", "", whole)), output: update(ai("other", "", whole)) }),
    ];
    expect(sorted(sent(events, list))).toEqual(sorted([...SAID, ...CALL]));
  });

  it("a call to the client's own tool, which waits for it", () => {
    const events = invoked([{ content: "Choose: " }], { content: "Choose: ", tool_calls: [call] });
    const end = terminalOf(events, { allowList: list, frontendTools: new Set(["pick"]) });
    expect(end).toMatchObject({ outcome: { pendingToolCallIds: ["c1"] } });
  });

  it("but no reasoning where none may leave", () => {
    const events = invoked([{ content: "Choose: " }], { content: [thinking, text] });
    expect(linesOf(events, { allowList: list, reasoning: false }).join()).not.toContain("Hm.");
  });
});

describe("what a model used and why it stopped is reported", () => {
  const usage = { input_tokens: 9, output_tokens: 7, total_tokens: 16 };
  const ended = (node: string, chunks: object[], returned: object) => [
    modelStart("a", { node }),
    ...chunks.map((chunk) => token("a", chunk, { node })),
    modelEnd("a", { content: "Hi", usage_metadata: usage }, { node, usage, finishReason: "STOP" }),
    nodeEnd(node, { output: update(ai("x", "", returned)) }),
  ];
  const streamed = [{ content: "Hi" }];

  it.each<[string, AllowList, GraphEvent[]]>([
    ["when its end is admitted", EVERYTHING, ended("n", streamed, { content: "Hi" })],
    ["when its end is not", UNREAD, ended("n", streamed, { content: "Hi" })],
    ["when it did not stream, by its node's end", UNREAD, ended("n", [], { content: "Hi", usage_metadata: usage })],
    ["when its node leaves the usage out", UNREAD, ended("n", [], { content: "Hello" })],
    ["once, when its node wraps it", EVERYTHING, ended("n", streamed, { content: "Hello", usage_metadata: usage })],
  ])("%s", (_, list, events) => {
    expect(terminalOf(events, { allowList: list })).toMatchObject({
      usage: [{ inputTokens: 9, outputTokens: 7 }],
      metadata: { finishReason: "STOP" },
    });
  });

  it("but not of a hidden node's", () => {
    const list = allowList({ events: ["on_*"], nodes: { exclude: ["hidden"] } });
    const end = terminalOf(ended("hidden", streamed, { content: "Hi" }), { allowList: list });
    expect(end).not.toHaveProperty("usage");
    expect(end).not.toHaveProperty("metadata");
  });
});
