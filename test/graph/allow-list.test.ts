import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ADMIT_ALL, type AllowList, allowList } from "../../src/graph/allow-list.ts";
import type { AllowListSpec } from "../../src/protocol/allow-list-spec.ts";
import { GRAPH_EVENT_NAMES, type GraphEvent, type GraphEventName } from "../../src/protocol/graph-event.ts";
import { NUM_RUNS } from "../support/properties.ts";

interface Place {
  event?: GraphEventName;
  /** The path of nodes, like `research/writer`. */
  node?: string;
  name?: string;
  tags?: string[];
  metadata?: Record<string, unknown>;
}

/** An event whose `data` must not be read. */
function at({
  event = "on_chat_model_stream",
  node = "",
  name = "model",
  tags = [],
  metadata: given = {},
}: Place): GraphEvent {
  const path = node === "" ? [] : node.split("/");
  const ns = path.map((segment, depth) => `${segment}:0000-${depth}`).join("|");
  const place = path.length > 0 ? { langgraph_node: path.at(-1), langgraph_checkpoint_ns: ns } : {};
  const metadata = { ...given, ...place };
  return Object.defineProperty({ event, name, run_id: "r", tags, metadata, data: undefined }, "data", {
    get: () => {
      throw new Error("data was touched");
    },
  });
}

function admittedNames(list: AllowList): GraphEventName[] {
  return GRAPH_EVENT_NAMES.filter((event) => list.admits(at({ event })));
}

describe("event names", () => {
  const TOOLS = ["on_tool_start", "on_tool_end", "on_tool_error"];
  const STARTS = GRAPH_EVENT_NAMES.filter((name) => name.endsWith("_start"));

  it.each<[string[] | undefined, readonly string[]]>([
    [undefined, GRAPH_EVENT_NAMES],
    [[], []],
    [["*"], GRAPH_EVENT_NAMES],
    [["on_tool_start"], ["on_tool_start"]],
    [["on_tool_*"], TOOLS],
    [
      ["on_tool_*", "on_custom_event"],
      [...TOOLS, "on_custom_event"],
    ],
    [["on_*_start"], STARTS],
    [["*_start"], STARTS],
    [["on_*_model_*eam"], ["on_chat_model_stream"]],
    [["on_tool"], []],
    [["on_tool_.*"], []],
    [["ON_TOOL_START"], []],
    [["on_tool_start "], []],
  ])("%j admits %j", (events, names) => {
    expect(admittedNames(allowList({ events }))).toEqual(names);
  });

  it("are known without an event", () => {
    const list = allowList({ events: ["on_tool_*"], nodes: { include: ["a"] } });
    expect(GRAPH_EVENT_NAMES.filter((name) => list.admitsName(name))).toEqual(TOOLS);
  });
});

describe("places", () => {
  it.each<[string, AllowListSpec, Place, boolean]>([
    ["a node's own name", { nodes: { include: ["writer"] } }, { node: "writer" }, true],
    ["a node's own name, deeper down", { nodes: { include: ["writer"] } }, { node: "research/writer" }, true],
    ["a node's path", { nodes: { include: ["research/writer"] } }, { node: "research/writer" }, true],
    ["the same name on another path", { nodes: { include: ["research/writer"] } }, { node: "edit/writer" }, false],
    ["the same name at the top", { nodes: { include: ["research/writer"] } }, { node: "writer" }, false],
    ["what lies below a path", { nodes: { include: ["research"] } }, { node: "research/a/b" }, true],
    ["half a segment", { nodes: { include: ["res"] } }, { node: "research" }, false],
    ["half a path's last segment", { nodes: { include: ["a/b"] } }, { node: "a/bc" }, false],
    ["no node, when some are included", { nodes: { include: ["writer"] } }, {}, false],
    ["no node, when some are excluded", { nodes: { exclude: ["writer"] } }, {}, true],
    ["an excluded node", { nodes: { exclude: ["writer"] } }, { node: "a/writer" }, false],
    ["what lies below an excluded path", { nodes: { exclude: ["a"] } }, { node: "a/writer" }, false],
    ["a node beside an excluded one", { nodes: { exclude: ["a/writer"] } }, { node: "b/writer" }, true],
    ["included and excluded", { nodes: { include: ["a"], exclude: ["a/b"] } }, { node: "a/b" }, false],
    ["nothing included at all", { nodes: { include: [] } }, { node: "a" }, false],

    ["one of the tags", { tags: { include: ["x", "y"] } }, { tags: ["z", "y"] }, true],
    ["none of the tags", { tags: { include: ["x"] } }, { tags: ["z"] }, false],
    ["no tags, when some are excluded", { tags: { exclude: ["x"] } }, {}, true],
    ["an excluded tag among others", { tags: { exclude: ["x"] } }, { tags: ["y", "x"] }, false],

    ["a run's name", { names: { include: ["gpt"] } }, { name: "gpt" }, true],
    ["another run's name", { names: { include: ["gpt"] } }, { name: "gpt-4" }, false],
    ["an excluded run's name", { names: { exclude: ["gpt"] } }, { name: "gpt" }, false],

    ["the graph itself at depth 0", { maxDepth: 0 }, {}, true],
    ["a node at depth 0", { maxDepth: 0 }, { node: "a" }, false],
    ["a node at depth 1", { maxDepth: 1 }, { node: "a" }, true],
    ["a subgraph's node at depth 1", { maxDepth: 1 }, { node: "a/b" }, false],
    ["a subgraph's node at depth 2", { maxDepth: 2 }, { node: "a/b" }, true],

    ...[{ nodes: { exclude: ["a"] } }, { nodes: { include: ["a"] } }, { subagents: [] }, { maxDepth: 1 }].map(
      (spec): [string, AllowListSpec, Place, boolean] => [
        "a custom event without a place",
        spec,
        { event: "on_custom_event" },
        false,
      ],
    ),
    [
      "a custom event without a place, by its name",
      { names: { include: ["x"] } },
      { event: "on_custom_event", name: "x" },
      true,
    ],

    ["every part at once", { nodes: { include: ["a"] }, tags: { include: ["x"] } }, { node: "a", tags: ["x"] }, true],
    ["every part but one", { nodes: { include: ["a"] }, tags: { include: ["x"] } }, { node: "a" }, false],
  ])("%s: %j", (_, spec, place, admitted) => {
    const list = allowList(spec);
    expect(list.admits(at(place))).toBe(admitted);
    expect(list.admitsPlace(at(place))).toBe(admitted);
  });

  it("say nothing about the event's name", () => {
    const list = allowList({ events: ["on_tool_end"], nodes: { include: ["a"] } });
    expect(list.admitsPlace(at({ event: "on_tool_start", node: "a" }))).toBe(true);
    expect(list.admits(at({ event: "on_tool_start", node: "a" }))).toBe(false);
    expect(list.admitsName("on_tool_end")).toBe(true);
    expect(list.admits(at({ event: "on_tool_end", node: "b" }))).toBe(false);
  });
});

describe("a run that the graph hides", () => {
  it.each(["nostream", "langsmith:nostream"])("by the tag %s is refused", (tag) => {
    for (const event of GRAPH_EVENT_NAMES) expect(ADMIT_ALL.admitsPlace(at({ event, tags: [tag] }))).toBe(false);
    expect(allowList({ tags: { include: [tag] } }).admits(at({ tags: [tag] }))).toBe(false);
  });

  it.each<[unknown, GraphEventName, boolean]>([
    [false, "on_chat_model_stream", false],
    [false, "on_chat_model_end", false],
    [false, "on_llm_stream", false],
    [false, "on_tool_end", true],
    [true, "on_chat_model_stream", true],
    ["false", "on_chat_model_stream", true],
  ])("by emit-messages %j: %s is admitted: %s", (emitted, event, admitted) => {
    const hidden = at({ event, metadata: { "emit-messages": emitted } });
    expect(ADMIT_ALL.admits(hidden)).toBe(admitted);
    expect(ADMIT_ALL.admitsPlace(hidden)).toBe(admitted);
  });

  it.each<[string, AllowListSpec]>([
    ["everything", {}],
    ["every name", { events: ["*"] }],
    ["that very tag", { tags: { include: ["nostream"] } }],
  ])("is refused by a list that admits %s", (_, spec) => {
    expect(allowList(spec).admits(at({ tags: ["seq:step:1", "nostream"] }))).toBe(false);
    expect(allowList(spec).admitsPlace(at({ tags: ["nostream"] }))).toBe(false);
  });

  it("is one with that very tag", () => {
    expect(ADMIT_ALL.admits(at({ tags: ["nostreaming"] }))).toBe(true);
  });
});

describe("narrowing", () => {
  const NODES = ["a", "b", "a/b", "b/a", "a/b/c"];
  const TAGS = ["x", "y", "nostream"];
  const RUNS = ["m", "n"];
  const matcher = (values: string[]) =>
    fc.option(fc.record({ include: fc.subarray(values), exclude: fc.subarray(values) }, { requiredKeys: [] }), {
      nil: undefined,
    });
  const specs: fc.Arbitrary<AllowListSpec> = fc.record({
    events: fc.option(fc.subarray(["*", "on_*_start", "on_tool_*", ...GRAPH_EVENT_NAMES]), { nil: undefined }),
    nodes: matcher(NODES),
    tags: matcher(TAGS),
    names: matcher(RUNS),
    maxDepth: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  });
  const events = fc
    .record({
      event: fc.constantFrom(...GRAPH_EVENT_NAMES),
      node: fc.constantFrom("", ...NODES),
      name: fc.constantFrom(...RUNS),
      tags: fc.subarray(TAGS),
    })
    .map(at);

  it("never admits what any level refuses, and refuses nothing that all levels admit", () => {
    fc.assert(
      fc.property(specs, specs, specs, events, (config, connection, run, event) => {
        const all = [config, connection, run].every((spec) => allowList(spec).admits(event));
        expect(allowList(config).narrow(connection).narrow(run).admits(event)).toBe(all);
      }),
      { numRuns: Math.min(NUM_RUNS, 2_000) },
    );
  });

  it("can only take away", () => {
    fc.assert(
      fc.property(specs, specs, events, (base, by, event) => {
        const wide = allowList(base);
        const narrow = wide.narrow(by);
        if (narrow.admits(event)) expect(wide.admits(event)).toBe(true);
        if (narrow.admitsPlace(event)) expect(wide.admitsPlace(event)).toBe(true);
        if (narrow.admitsName(event.event)) expect(wide.admitsName(event.event)).toBe(true);
        expect(narrow.admits(event)).toBe(narrow.admitsName(event.event) && narrow.admitsPlace(event));
      }),
      { numRuns: Math.min(NUM_RUNS, 2_000) },
    );
  });

  it("leaves the list it started from as it was", () => {
    const wide = allowList({ events: ["on_tool_*"] });
    wide.narrow({ events: ["on_tool_end"], maxDepth: 0 });
    expect(admittedNames(wide)).toEqual(["on_tool_start", "on_tool_end", "on_tool_error"]);
  });

  it("by nothing changes nothing", () => {
    const list = allowList({ events: ["on_tool_*"] });
    expect(list.narrow(undefined)).toBe(list);
  });
});

it("a refused event's data is never touched, and no more is an admitted one's", () => {
  const list = allowList({ events: ["on_tool_*"], nodes: { include: ["a"] }, tags: { exclude: ["x"] }, maxDepth: 2 });
  for (const event of GRAPH_EVENT_NAMES) {
    for (const node of ["", "a", "b"]) {
      expect(() => list.admits(at({ event, node }))).not.toThrow();
      expect(() => list.admitsPlace(at({ event, node }))).not.toThrow();
    }
  }
  expect(() => at({}).data).toThrow("data was touched");
});

it("knows the nodes of the second graph that a node's code calls, between which LangGraph puts a number", () => {
  const langgraph_checkpoint_ns = "tools:0000|1|think:0001";
  const second = at({ metadata: { langgraph_node: "think", langgraph_checkpoint_ns } });
  const admits = (spec: AllowListSpec) => allowList(spec).admits(second);
  expect(admits({ nodes: { exclude: ["tools/think"] } })).toBe(false);
  expect(admits({ nodes: { include: ["tools/think"] } })).toBe(true);
  expect(admits({ silentNodes: ["tools/think"] })).toBe(false);
  expect([1, 2].map((maxDepth) => admits({ maxDepth }))).toEqual([false, true]);
});
