import { describe, expect, it } from "vitest";
import { type AllowList, allowList } from "../../src/graph/allow-list.ts";
import { GRAPH_EVENT_NAMES, type GraphEvent } from "../../src/protocol/graph-event.ts";
import { createTranslator } from "../../src/translate/create-translator.ts";
import { verifyRun } from "../support/verify.ts";
import {
  ai,
  callPiece,
  event,
  everything,
  linesOf,
  modelEnd,
  modelStart,
  nodeEnd,
  nodeStart,
  said,
  token,
  toolEnd,
  toolMessage,
  toolStart,
  translate,
  update,
} from "./events.ts";

const TOKENS = allowList({ events: ["on_chat_model_stream"] });

describe("what was opened is closed, although its end is refused", () => {
  it("a message", () => {
    expect(linesOf(said("a", ["Hi"]), { allowList: TOKENS })).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("a message that is held back, with all it said", () => {
    expect(linesOf(said("a", ["H", "i"]), { allowList: TOKENS, tokens: false })).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("a tool call", () => {
    const events = [callPiece("a", { id: "c", name: "add", args: "{}" }), modelEnd("a")];
    expect(linesOf(events, { allowList: TOKENS }).at(-1)).toBe("TOOL_CALL_END c");
  });

  it("a step", () => {
    const list = allowList({ events: ["on_chain_start"] });
    expect(linesOf([nodeStart("n"), nodeEnd("n"), nodeStart("m")], { allowList: list })).toEqual([
      "STEP_STARTED n",
      "STEP_FINISHED n",
      "STEP_STARTED m",
      "STEP_FINISHED m",
    ]);
  });
});

describe("what was not opened does not end", () => {
  it("a step whose start is refused", () => {
    expect(linesOf([nodeStart("n"), nodeEnd("n")], { allowList: allowList({ events: ["on_chain_end"] }) })).toEqual([]);
  });

  it("a message whose tokens are refused", () => {
    const list = allowList({ events: ["on_chain_*"] });
    expect(linesOf(said("a", ["Hi"]), { allowList: list })).toEqual([]);
  });
});

it("the data of a refused event is never touched, but for a node's update: that may remove what was sent", () => {
  const translator = createTranslator({
    threadId: "t",
    runId: "r",
    history: [],
    ownFrom: 0,
    drafts: {},
    followsState: false,
    tokens: true,
    reasoning: true,
    reasoningTags: [],
    nodes: {},
    stateKeys: [],
    frontendTools: new Set(),
  });
  translator.start([], false);
  translator.push(token("a", "Hi", { node: "n" }));
  translator.push(nodeStart("n"));
  for (const name of GRAPH_EVENT_NAMES.filter((name) => name !== "on_chain_end")) {
    for (const run of ["a", "n", "new"]) {
      const refused = { ...event(name, run, undefined, { node: "n", name: "n", tags: ["graph:step:1"] }) };
      Object.defineProperty(refused, "data", {
        get: () => {
          throw new Error("data was touched");
        },
      });
      expect(() => translator.refused(refused, true)).not.toThrow();
      expect(() => translator.refused(refused, false)).not.toThrow();
    }
  }
});

describe("nothing of what is refused leaks", () => {
  const ALL = { events: ["*"] };

  /** Refuses what happens in the node `hidden`, and below it. */
  const nodes = allowList({ ...ALL, nodes: { exclude: ["hidden"] } });
  /** Refuses what its author tagged. */
  const nostream = allowList(ALL);
  const secret = "the secret";

  /** A model inside a node, then the node's own return. */
  function hiddenRun(node: string, tags: string[] = [], id = "m-a"): GraphEvent[] {
    const place = { node, tags };
    return [
      modelStart("a", place),
      token("a", "the ", place),
      token("a", "secret", place),
      modelEnd("a", secret, place),
      nodeEnd(node, { output: update(ai(id, secret)) }),
    ];
  }

  /** A node that runs a tool with only its arguments, so LangChain does not report the call's id. */
  const bareTool = [
    callPiece("m", { id: "c1", name: "look", args: "{}" }, { node: "model" }),
    modelEnd("m", "", { node: "model" }),
    toolStart("1", "look", {}, { node: "work" }),
    toolEnd("1", "look", secret, { node: "work" }),
    nodeEnd("work", { output: update(toolMessage("c1", secret)) }),
  ];

  const cases: [string, AllowList, GraphEvent[]][] = [
    ["a tool's result that has no id", allowList({ events: ["on_chat_model_*", "on_chain_*"] }), bareTool],
    ["a tool that its name refuses", allowList({ ...ALL, names: { exclude: ["look"] } }), bareTool],
    [
      "a tool that its name refuses, and that never ends",
      allowList({ ...ALL, names: { exclude: ["look"] } }),
      bareTool.filter(({ event }) => event !== "on_tool_end"),
    ],
    ["a hidden node's model and return", nodes, hiddenRun("hidden")],
    ["a hidden node that returns finished text", nodes, [nodeEnd("hidden", { output: update(ai("x", secret)) })]],
    [
      "a subgraph whose hidden node's message it returns",
      nodes,
      [...hiddenRun("sub/hidden"), nodeEnd("sub", { output: update(ai("m-a", secret)) })],
    ],
    [
      "a subgraph whose hidden node wrote the message itself",
      nodes,
      [nodeEnd("sub/hidden", { output: update(ai("x", secret)) }), nodeEnd("sub", { output: update(ai("x", secret)) })],
    ],
    [
      "a later node that returns the history it was given",
      nodes,
      [
        ...hiddenRun("hidden"),
        nodeEnd("later", { input: update(ai("m-a", secret)), output: update(ai("m-a", secret)) }),
      ],
    ],
    ["a model tagged nostream, returned by its node", nostream, hiddenRun("open", ["nostream"])],
    ["the same, wrapped in another message", nostream, hiddenRun("open", ["nostream"], "wrapped")],
    [
      "a model tagged nostream that does not stream",
      nostream,
      [
        modelStart("a", { node: "open", tags: ["nostream"] }),
        modelEnd("a", secret, { node: "open", tags: ["nostream"] }),
        nodeEnd("open", { output: update(ai("m-a", secret)) }),
      ],
    ],
    [
      "a subgraph around a model tagged nostream",
      nostream,
      [...hiddenRun("sub/open", ["nostream"]), nodeEnd("sub", { output: update(ai("m-a", secret)) })],
    ],
    [
      "tokens that the list does not admit, returned by their node",
      allowList({ events: ["on_chain_*"] }),
      hiddenRun("open"),
    ],
    [
      "a deeper graph",
      allowList({ ...ALL, maxDepth: 1 }),
      [...hiddenRun("sub/inner"), nodeEnd("sub", { output: update(ai("m-a", secret)) })],
    ],
  ];

  it.each(cases)("of %s", async (_, list, events) => {
    const sent = translate(events, { allowList: list });
    expect(everything(sent)).not.toMatch(/secret/);
    await verifyRun(sent);
  });

  it("and what is admitted beside it still leaves", () => {
    const events = [...hiddenRun("hidden"), ...said("b", ["Hi"], { node: "open" })];
    expect(linesOf(events, { allowList: nodes })).toEqual([
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "Hi"',
      "TEXT_MESSAGE_END m-b",
    ]);
  });

  it("of why it stopped: only the message that is sent says so", () => {
    const ends = (node: string, list: AllowList) => {
      const end = modelEnd("a", "Hi", { node, finishReason: "length" });
      const events = [modelStart("a", { node }), end, nodeEnd(node, { output: update(ai("x", "Hi")) })];
      return translate(events, { allowList: list }).at(-1);
    };
    expect(ends("hidden", nodes)).not.toHaveProperty("metadata");
    expect(ends("open", allowList({ events: ["on_tool_*"] }))).not.toHaveProperty("metadata");
    // The model's end is refused, but its node sends the message.
    expect(ends("open", allowList({ events: ["on_chain_*"] }))).toMatchObject({ metadata: { finishReason: "length" } });
  });

  it("of its usage, either", () => {
    const usage_metadata = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    const events = [token("a", { content: "x", usage_metadata }, { node: "hidden" })];
    expect(translate(events, { allowList: nodes }).at(-1)).not.toHaveProperty("usage");
  });
});
