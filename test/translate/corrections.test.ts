/** Messages that were sent but then replaced in, removed from, or never added to the graph's state. */

import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { Command, Overwrite, REMOVE_ALL_MESSAGES } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { allowList } from "../../src/graph/allow-list.ts";
import { SluiceError } from "../../src/protocol/errors.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import {
  ai,
  callPiece,
  correctedLines,
  corrections,
  modelEnd,
  modelFailed,
  modelStart,
  nodeEnd,
  nodeStart,
  said,
  terminalOf,
  thought,
  token,
  toolEnd,
  toolMessage,
  toolStart,
  update,
} from "./events.ts";

const remove = (id: string) => new RemoveMessage({ id });

/** A node whose model says this, and that returns it. */
function says(id: string, text: string, node = "model"): GraphEvent[] {
  const place = { node };
  return [nodeStart(node), ...said(id, [text], place), nodeEnd(node, { output: update(ai(`m-${id}`, text)) })];
}

/** A node that only writes this. */
function writes(output: unknown, node = "guard", input?: unknown): GraphEvent[] {
  return [nodeStart(node), nodeEnd(node, { output, input })];
}

describe("a message that a later node", () => {
  const sent = says("a", "Call 555-0199.");

  it.each<[string, unknown, string[]]>([
    ["replaces", update(ai("m-a", "Call [hidden].")), ['m-a="Call [hidden]."']],
    ["replaces by a command", new Command({ update: update(ai("m-a", "No.")) }), ['m-a="No."']],
    ["removes", update(remove("m-a")), ["-m-a"]],
    ["removes and writes anew", update(remove("m-a"), ai("m-b", "No.")), ["-m-a"]],
    ["returns as it is", update(ai("m-a", "Call 555-0199.")), []],
    ["returns without white space around it", update(ai("m-a", " Call 555-0199.\n")), []],
    ["does not mention", update(ai("other", "More.")), []],
    ["trims away with all others", update(remove(REMOVE_ALL_MESSAGES), ai("m-a", "…")), []],
    ["trims away by writing over all", { messages: new Overwrite([ai("m-a", "…")]) }, []],
  ])("%s", (_, output, expected) => {
    expect(corrections([...sent, ...writes(output)])).toEqual(expected);
  });

  it("replaces is left alone where only the thoughts between tags are gone", () => {
    const events = [...says("a", "<think>Hm.</think>Yes."), ...writes(update(ai("m-a", "Yes.")))];
    expect(corrections(events, { reasoningTags: ["think"] })).toEqual([]);
  });

  it("replaces or removes loses its reasoning too", () => {
    const thoughtful = [
      nodeStart("model"),
      thought("a", "555?", { node: "model" }),
      ...said("a", ["555"], { node: "model" }),
      nodeEnd("model", { output: update(ai("m-a", "555")) }),
    ];
    expect(corrections([...thoughtful, ...writes(update(ai("m-a", "No.")))])).toEqual(['-m-a-reasoning m-a="No."']);
    expect(corrections([...thoughtful, ...writes(update(remove("m-a")))])).toEqual(["-m-a -m-a-reasoning"]);
  });

  it("is known by the id that the state gave it later", () => {
    const message = new AIMessage("Hello");
    const events = writes(update(message), "greeter");
    const [start, end] = events as [GraphEvent, GraphEvent];
    const run = function* () {
      yield start;
      yield end;
      message.id = "given-later";
      yield* writes(update(remove("given-later")));
    };
    const lines: string[] = [];
    // Events are made while they are read: the id comes between two of them.
    lines.push(...corrections({ [Symbol.iterator]: run } as unknown as GraphEvent[]));
    expect(lines).toEqual([expect.stringMatching(/^-run-/)]);
  });

  it("is of an earlier run stays, unless clients are to see what the state holds", () => {
    const history = [
      { id: "u1", role: "user" as const, content: "hi" },
      { id: "m-old", role: "assistant" as const, content: "Hello." },
    ];
    const trims = writes(update(remove("m-old"), ai("m-x", "Short.")), "trim");
    const cut = writes(update(remove(REMOVE_ALL_MESSAGES), ai("m-x", "Short.")), "trim");
    expect(corrections(trims, { history, ownFrom: 2 })).toEqual([]);
    expect(corrections(trims, { history, followsState: true })).toEqual(["-m-old"]);
    expect(corrections(cut, { history, followsState: true })).toEqual(["-u1 -m-old"]);
  });

  it("edits the arguments of, as an approval does", () => {
    const call = { id: "c1", name: "pay", args: { to: "Ann" } };
    const events = [
      callPiece("a", { id: "c1", name: "pay", args: '{"to":"Bob"}' }, { node: "model" }),
      modelEnd("a", "", { node: "model" }),
      nodeEnd("model", {
        output: update(new AIMessage({ id: "m-a", content: "", tool_calls: [{ ...call, args: { to: "Bob" } }] })),
      }),
      ...writes(update(new AIMessage({ id: "m-a", content: "", tool_calls: [call] })), "approve"),
    ];
    expect(corrections(events)).toEqual(['m-a=undefined c1:pay{"to":"Ann"}']);
  });

  it("takes a call out of is nothing that the client has to carry out", () => {
    const events = [
      callPiece("a", { id: "c1", name: "pay", args: "{}" }, { node: "model" }),
      modelEnd("a", "", { node: "model" }),
      nodeEnd("model", { output: {} }),
      ...writes(update(ai("m-a", "Not allowed."))),
    ];
    const options = { frontendTools: new Set(["pay"]) };
    expect(corrections(events, options)).toEqual(['m-a="Not allowed."']);
    expect(terminalOf(events, options)).not.toHaveProperty("outcome");
  });
});

describe("a node that may not say anything", () => {
  const sent = says("a", "Call 555-0199.");
  const hidden = { allowList: allowList({ nodes: { exclude: ["guard"] } }) };
  const narrowed = { allowList: allowList({ events: ["on_chat_model_stream"] }) };
  const silent = { nodes: { guard: { messages: false } } };

  it.each([hidden, narrowed, silent])("still removes, and its words stay its own (%#)", (options) => {
    expect(corrections([...sent, ...writes(update(remove("m-a")))], options)).toEqual(["-m-a"]);
    expect(corrections([...sent, ...writes(update(ai("m-a", "The secret.")))], options)).toEqual(["-m-a"]);
    expect(corrections([...sent, ...writes(update(ai("m-a", "Call 555-0199. [1]")))], options)).toEqual([]);
  });

  it("says nothing either by a model inside it that is refused", () => {
    const events = [
      ...sent,
      nodeStart("guard"),
      ...said("b", ["secret"], { node: "guard", tags: ["nostream"] }),
      nodeEnd("guard", { output: update(ai("m-a", "secret")) }),
    ];
    expect(corrections(events)).toEqual(["-m-a"]);
  });
});

describe("a correction waits", () => {
  it("until no message and no call is open", () => {
    const events = [
      ...says("a", "555"),
      token("b", "one ", { node: "other" }),
      ...writes(update(remove("m-a"))),
      token("b", "two", { node: "other" }),
      modelEnd("b", "one two", { node: "other" }),
    ];
    const lines = correctedLines(events);
    expect(lines.slice(lines.indexOf("TEXT_MESSAGE_START m-b"))).toEqual([
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "one "',
      "STEP_STARTED guard",
      "STEP_FINISHED guard",
      'TEXT_MESSAGE_CONTENT m-b "two"',
      "TEXT_MESSAGE_END m-b",
      "CORRECTED -m-a",
      "RUN_FINISHED",
    ]);
  });
});

describe("a model call that fails", () => {
  const half = [modelStart("a", { node: "model" }), token("a", "Half", { node: "model" })];
  const error = { kind: "failed" as const, error: new SluiceError("model_error") };

  it("ends its message at once, and the next one takes its place", () => {
    const next = [modelStart("b", { node: "model" }), ...said("b", ["Whole"], { node: "model" })];
    expect(correctedLines([...half, modelFailed("a", { node: "model" }), ...next]).slice(1, -1)).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Half"',
      "TEXT_MESSAGE_END m-a",
      "CORRECTED -m-a",
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "Whole"',
      "TEXT_MESSAGE_END m-b",
    ]);
  });

  it("leaves what it said where nothing takes its place: the run fails", () => {
    expect(corrections([...half, modelFailed("a", { node: "model" })], { end: error })).toEqual([]);
    expect(corrections([...half, modelFailed("a", { node: "model" })])).toEqual(["-m-a"]);
  });

  it("leaves no call that the client would carry out", () => {
    const events = [
      callPiece("a", { id: "c1", name: "pay", args: '{"to' }),
      modelFailed("a"),
      callPiece("b", { id: "c1", name: "pay", args: '{"to":"Ann"}' }),
      modelEnd("b"),
    ];
    const options = { frontendTools: new Set(["pay"]) };
    expect(terminalOf(events.slice(2), options)).toMatchObject({ outcome: { pendingToolCallIds: ["c1"] } });
    const lines = correctedLines(events, options);
    expect(lines.filter((line) => line.startsWith("TOOL_CALL_START"))).toEqual([
      "TOOL_CALL_START c1 pay of m-a",
      "TOOL_CALL_START c1-2 pay of m-b",
    ]);
    expect(terminalOf(events.slice(0, 2), options)).not.toHaveProperty("outcome");
  });

  it("says nothing more", () => {
    const late = [...half, modelFailed("a", { node: "model" }), token("a", " more", { node: "model" })];
    expect(correctedLines(late, { end: error }).join()).not.toContain("more");
  });
});

describe("a node that runs again", () => {
  it("ends its step, closes what its first attempt still says, and takes it back", () => {
    const place = { node: "model" };
    const events = [
      nodeStart("model"),
      ...said("a", ["Draft"], place),
      token("x", "still going", place),
      nodeStart("model", { run: "again" }),
      token("x", " on", place),
      ...said("b", ["Done"], place),
      nodeEnd("model", { run: "again", output: update(ai("m-b", "Done")) }),
    ];
    expect(correctedLines(events).slice(1, -1)).toEqual([
      "STEP_STARTED model",
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Draft"',
      "TEXT_MESSAGE_END m-a",
      "TEXT_MESSAGE_START m-x",
      'TEXT_MESSAGE_CONTENT m-x "still going"',
      "TEXT_MESSAGE_END m-x",
      "STEP_FINISHED model",
      "STEP_STARTED model",
      "CORRECTED -m-a -m-x",
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "Done"',
      "TEXT_MESSAGE_END m-b",
      "STEP_FINISHED model",
    ]);
  });

  it("takes back what it said in the run that stopped to ask", () => {
    const history = [
      { id: "u1", role: "user" as const, content: "hi" },
      { id: "m-a", role: "assistant" as const, content: "Draft" },
    ];
    const events = says("b", "Other", "write");
    const options = { history, ownFrom: 1, drafts: { "m-a": "write:1" } };
    expect(corrections(events, options)).toEqual(["-m-a"]);
    expect(corrections(events, { ...options, drafts: {} })).toEqual([]);
  });

  it("in a loop is another execution", () => {
    expect(corrections([...says("a", "one", "model#1"), ...says("b", "two", "model#2")])).toEqual([]);
  });
});

describe("two model calls in one node", () => {
  const both = (output: unknown) => [
    nodeStart("model"),
    ...said("a", ["First"], { node: "model" }),
    ...said("b", ["Second"], { node: "model" }),
    nodeEnd("model", { output }),
  ];

  it.each<[string, unknown, string[]]>([
    ["one of them returned: the other was not wanted", update(ai("m-b", "Second")), ["-m-a"]],
    ["one of them wrapped in a message of the node's own", update(new AIMessage("Second")), ["-m-a"]],
    ["both returned", update(ai("m-a", "First"), ai("m-b", "Second")), []],
    ["none returned: that says nothing about them", {}, []],
    ["another message returned", update(ai("m-c", "Third")), []],
  ])("%s", (_, output, expected) => {
    expect(corrections(both(output))).toEqual(expected);
  });

  it("of which one called a tool that ran: what was done stays", () => {
    const place = { node: "model" };
    const events = [
      nodeStart("model"),
      callPiece("a", { id: "c1", name: "add", args: "{}" }, place),
      modelEnd("a", "", place),
      toolStart("1", "add", {}, { call: "c1", ...place }),
      toolEnd("1", "add", "2", { call: "c1", ...place }),
      ...said("b", ["Two"], place),
      nodeEnd("model", { output: update(ai("m-b", "Two")) }),
    ];
    expect(corrections(events)).toEqual([]);
  });
});

describe("the result of a call", () => {
  const called = (run: string, output: unknown) => [
    toolStart(run, "add", {}, { call: "c1", node: "tools" }),
    toolEnd(run, "add", output, { call: "c1", node: "tools" }),
  ];
  const made = [callPiece("a", { id: "c1", name: "add", args: "{}" }), modelEnd("a")];

  it("that comes twice is the later one", () => {
    expect(corrections([...made, ...called("1", "2"), ...called("2", "3")])).toEqual(["-result-c1"]);
  });

  it("of another call with the same id is another result", () => {
    const again = [callPiece("b", { id: "c1", name: "add", args: "{}" }), modelEnd("b")];
    expect(corrections([...made, ...called("1", "2"), ...again, ...called("2", "3")])).toEqual([]);
  });

  it.each<[string, BaseMessage, string[]]>([
    ["its node rewrites", toolMessage("c1", "[hidden]"), ['result-c1="[hidden]"']],
    ["its node passes on", toolMessage("c1", "2"), []],
  ])("that %s", (_, returned, expected) => {
    const events = [...made, nodeStart("tools"), ...called("1", toolMessage("c1", "2"))];
    expect(corrections([...events, nodeEnd("tools", { output: update(returned) })])).toEqual(expected);
  });
});

it("a subgraph that returns its whole state changes nothing", () => {
  const messages = [new HumanMessage({ id: "u", content: "hi" }), ai("m-old", "Hello."), ai("m-a", "Yes.")];
  const events = [
    nodeStart("team"),
    ...said("a", ["Yes."], { node: "team/model" }),
    nodeEnd("team", { input: update(...messages.slice(0, 2)), output: update(...messages) }),
  ];
  expect(corrections(events)).toEqual([]);
});
