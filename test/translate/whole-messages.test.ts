import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Command, Overwrite } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { allowList } from "../../src/graph/allow-list.ts";
import { ai, linesOf, modelEnd, modelStart, nodeEnd, nodeStart, said, token, update } from "./events.ts";

const HELLO = ["TEXT_MESSAGE_START m1", 'TEXT_MESSAGE_CONTENT m1 "Hello"', "TEXT_MESSAGE_END m1"];

/** The messages, without the steps around them. */
function talk(...[events, options]: Parameters<typeof linesOf>): string[] {
  return linesOf(events, options).filter((line) => !line.startsWith("STEP"));
}

describe("a message that no token streamed leaves once, whole", () => {
  it("when its model ends", () => {
    expect(talk([modelStart("a"), modelEnd("a", { id: "m1", content: "Hello" })])).toEqual(HELLO);
  });

  it("when the list admits a model's end and not its tokens", () => {
    const events = [token("a", "Hel"), token("a", "lo"), modelEnd("a", { id: "m1", content: "Hello" })];
    expect(talk(events, { allowList: allowList({ events: ["on_chat_model_end"] }) })).toEqual(HELLO);
  });

  it("when its model does not stream, and only the end of its node is admitted", () => {
    const events = [
      nodeStart("n"),
      modelStart("a", { node: "n" }),
      modelEnd("a", { id: "m1", content: "Hello" }, { node: "n" }),
      nodeEnd("n", { output: update(ai("m1", "Hello")) }),
    ];
    const list = allowList({ events: ["on_chat_model_stream", "on_chain_start", "on_chain_end"] });
    expect(talk(events, { allowList: list })).toEqual(HELLO);
  });

  it.each<[string, unknown]>([
    ["a list", update(ai("m1", "Hello"))],
    ["a message", { messages: ai("m1", "Hello") }],
    ["a plain object with a role", { messages: [{ role: "assistant", id: "m1", content: "Hello" }] }],
    ["a plain object with a type", { messages: [{ type: "ai", id: "m1", content: "Hello" }] }],
    ["a serialized message", JSON.parse(JSON.stringify(update(ai("m1", "Hello"))))],
    ["an Overwrite", { messages: new Overwrite([ai("m1", "Hello")]) }],
    ["an Overwrite as JSON", { messages: { __overwrite__: [{ type: "ai", id: "m1", content: "Hello" }] } }],
    ["a command", new Command({ update: update(ai("m1", "Hello")), goto: "x" })],
    ["several commands", [new Command({ update: update(ai("m1", "Hello")) }), new Command({ goto: "x" })]],
    ["messages of other kinds beside it", update(new HumanMessage("hi"), ai("m1", "Hello"), new ToolMessage("2", "c"))],
  ])("when a node returns it finished, in %s", (_, output) => {
    expect(talk([nodeStart("n"), nodeEnd("n", { output })])).toEqual(HELLO);
  });

  it("when a node returns it as a tuple, and beside a person's", () => {
    const lines = talk([nodeEnd("n", { output: { messages: [["human", "hi"], ["ai", "Hello"], "hi again"] } })]);
    expect(lines.filter((line) => line.includes("CONTENT"))).toEqual(['TEXT_MESSAGE_CONTENT run-n "Hello"']);
  });

  it("and a result of a tool in a plain object, and calls in OpenAI's own form", () => {
    const call = { id: "c1", type: "function", function: { name: "add", arguments: '{"x":1}' } };
    const output = {
      messages: [
        { type: "ai", id: "m1", tool_calls: [call] },
        { type: "tool", id: "r1", tool_call_id: "c1", content: "2" },
      ],
    };
    expect(talk([nodeEnd("n", { output: { messages: [output.messages[0]] } }), nodeEnd("t", { output })])).toEqual([
      "TOOL_CALL_START c1 add of m1",
      'TOOL_CALL_ARGS c1 {"x":1}',
      "TOOL_CALL_END c1",
      'TOOL_CALL_RESULT c1 r1 "2"',
    ]);
  });

  it("with its tool calls", () => {
    const message = ai("m1", "", { tool_calls: [{ id: "c1", name: "add", args: { x: 1 } }] });
    expect(talk([nodeEnd("n", { output: update(message) })])).toEqual([
      "TOOL_CALL_START c1 add of m1",
      'TOOL_CALL_ARGS c1 {"x":1}',
      "TOOL_CALL_END c1",
    ]);
  });

  it("each of several, and those without id as well", () => {
    const output = update(ai("m1", "one"), ai("", "two"), ai("", "three"));
    const lines = talk([nodeEnd("n", { output })]);
    expect(lines.filter((line) => line.includes("CONTENT")).map((line) => line.split(" ").at(-1))).toEqual([
      '"one"',
      '"two"',
      '"three"',
    ]);
    expect(new Set(lines.filter((line) => line.includes("_START"))).size).toBe(3);
  });

  it("before its node's step ends", () => {
    expect(linesOf([nodeStart("n"), nodeEnd("n", { output: update(ai("m1", "Hello")) })])).toEqual([
      "STEP_STARTED n",
      ...HELLO,
      "STEP_FINISHED n",
    ]);
  });
});

describe("a message that was sent does not come again", () => {
  it("when the node returns what its model streamed", () => {
    const events = [...said("a", ["Hel", "lo"], { node: "n" }), nodeEnd("n", { output: update(ai("m-a", "Hello")) })];
    expect(talk(events)).toHaveLength(4);
  });

  it("when the node wraps its model's text in a message of its own", () => {
    const events = [...said("a", ["Hel", "lo"], { node: "n" }), nodeEnd("n", { output: update(ai("other", "Hello")) })];
    expect(talk(events)).toHaveLength(4);
    const deep = [
      ...said("a", ["Hel", "lo"], { node: "n/inner" }),
      nodeEnd("n", { output: update(ai("other", "Hello")) }),
    ];
    expect(talk(deep)).toHaveLength(4);
  });

  it("when the text is the same and another node said it, it is another message", () => {
    const events = [
      ...said("a", ["Hello"], { node: "n" }),
      nodeEnd("n", { output: update(ai("m-a", "Hello")) }),
      nodeEnd("other", { output: update(ai("m2", "Hello")) }),
    ];
    expect(talk(events).filter((line) => line.includes("CONTENT"))).toHaveLength(2);
  });

  it("when a node of a subgraph and the subgraph itself both return it", () => {
    const events = [
      nodeEnd("n/inner", { output: update(ai("m1", "Hello")) }),
      nodeEnd("n", { output: update(ai("m1", "Hello")) }),
    ];
    expect(talk(events)).toEqual(HELLO);
  });

  it("when it is of the thread's history, which a subgraph's node returns whole", () => {
    const history = [{ id: "m0", role: "assistant" as const, content: "before" }];
    const output = update(new HumanMessage("hi"), ai("m0", "before"), ai("m1", "Hello"));
    expect(talk([nodeEnd("n", { output })], { history })).toEqual(HELLO);
  });

  it("when the node was given it: it is not what the node added", () => {
    const given = ai("m0", "never sent");
    const events = [nodeEnd("n", { input: update(given), output: update(given, ai("m1", "Hello")) })];
    expect(talk(events)).toEqual(HELLO);
  });

  it("when it is empty", () => {
    expect(talk([nodeEnd("n", { output: update(ai("m1", "")) })])).toEqual([]);
  });
});

it("what a node returns may be anything", () => {
  for (const output of [undefined, null, 7, "text", [], [null], { messages: "text" }, { messages: [null, 7, {}] }]) {
    expect(talk([nodeEnd("n", { output })])).toEqual([]);
  }
});
