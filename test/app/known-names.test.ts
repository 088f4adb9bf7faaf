/** Names in agents' entries that their graphs do not have. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Annotation, entrypoint, START, StateGraph, task } from "@langchain/langgraph";
import { createAgent, tool } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { appFromConfig } from "../../src/app/from-config.ts";
import { checkNames } from "../../src/app/known-names.ts";
import { createSluice } from "../../src/app/sluice.ts";
import { type AgentSettings, checkAgents } from "../../src/config/agents.ts";
import { loadConfig } from "../../src/config/config.ts";
import type { ServedGraph } from "../../src/graph/source.ts";
import { createLogger, silent } from "../../src/ops/logger.ts";
import { temporaryFolder } from "../support/folder.ts";
import { SteppedModel } from "../support/stepped-model.ts";

const State = Annotation.Root({ plan: Annotation<string>, draft: Annotation<string> });
const idle = () => ({});
const inner = new StateGraph(State).addNode("writer", idle).addEdge(START, "writer").compile();
const hidden = new StateGraph(State).addNode("secret", idle).addEdge(START, "secret").compile();
const tagged = new StateGraph(State)
  .addNode("planner", new SteppedModel({ always: ["Yes."] }).withConfig({ tags: ["internal"] }) as never)
  .addNode("research", inner)
  .addNode("code", async (state) => hidden.invoke(state))
  .addNode("declared", async (state) => hidden.invoke(state), { subgraphs: [hidden] })
  .addEdge(START, "planner")
  .addEdge("planner", "research")
  .addEdge("research", "code")
  .addEdge("code", "declared")
  .compile();
const functional = entrypoint("flow", async (word: string) => task("poet", async () => word)());
const agent = createAgent({
  model: new SteppedModel({ always: ["Yes."] }),
  tools: [tool(() => "It is.", { name: "look", schema: z.object({}) })],
}).graph;

function check(entry: AgentSettings, graph: unknown = tagged, filters = {}): string[] {
  const checked = checkAgents("test", { agents: { mine: { graph: "g", ...entry } }, filters });
  const { mine } = checked.agents;
  if (!mine) throw new Error("There is no entry.");
  return checkNames([{ name: "mine", entry: mine, graph: graph as ServedGraph }], checked.filters);
}

const NODES = "planner, research, research/writer, code, declared, declared/secret";

describe("a name that the graph has", () => {
  it.each<AgentSettings>([
    { nodes: { planner: {}, research: {}, writer: {}, "research/writer": {}, secret: {}, "declared/secret": {} } },
    { nodes: { "code/secret": {}, "code/anything/at/all": {}, "research/writer/anything": {} } },
    { filter: { nodes: { include: ["planner"], exclude: ["research/writer"] }, silentNodes: ["code"] } },
    { filter: { tags: { include: ["internal"], exclude: ["nostream", "langsmith:nostream"] } } },
    { filter: { names: { exclude: ["what nobody knows before it runs"] } } },
    { state: ["plan", "draft"] },
  ])("is accepted: %j", (entry) => {
    expect(check(entry)).toEqual([]);
  });

  it("may be one of createAgent's", () => {
    expect(check({ nodes: { model_request: {}, tools: {} }, state: ["messages"] }, agent)).toEqual([]);
  });

  it("may lie below the function of a functional graph, whose state is whatever that returns", () => {
    expect(check({ nodes: { flow: {}, "flow/poet": {} }, state: ["anything"] }, functional)).toEqual([]);
  });

  it("may be anything for a graph that cannot be asked", () => {
    expect(check({ nodes: { far: {} }, state: ["away"] }, { streamEvents() {} })).toEqual([]);
  });
});

describe("a name that the graph does not have stops the start:", () => {
  const code = " If a node's code calls a graph, name the nodes of that graph by their path, such as research/writer.";
  it.each<[AgentSettings, string]>([
    [{ nodes: { plannr: {} } }, `nodes: the graph has no node "plannr". It has: ${NODES}.${code}`],
    [{ nodes: { "research/writr": {} } }, `nodes: the graph has no node "research/writr". It has: ${NODES}.`],
    [{ nodes: { "reserch/writer": {} } }, `nodes: the graph has no node "reserch/writer". It has: ${NODES}.`],
    [{ nodes: { __start__: {} } }, `nodes: the graph has no node "__start__".`],
    [{ filter: { nodes: { include: ["x"] } } }, `filter.nodes.include: the graph has no node "x". It has: ${NODES}.`],
    [{ filter: { nodes: { exclude: ["x"] } } }, `filter.nodes.exclude: the graph has no node "x". It has: ${NODES}.`],
    [{ filter: { silentNodes: ["x"] } }, `filter.silentNodes: the graph has no node "x". It has: ${NODES}.`],
    [{ state: ["plans"] }, `state: the graph has no state key "plans". It has: plan, draft.`],
    [{ state: ["branch:to:planner"] }, `state: the graph has no state key "branch:to:planner". It has: plan, draft.`],
    ...["internl", "Internal", "itnernal", "internals"].map<[AgentSettings, string]>((tag) => [
      { filter: { tags: { exclude: [tag] } } },
      `filter.tags.exclude: the graph has no tag "${tag}". It has: nostream, langsmith:nostream, langsmith:hidden, internal.`,
    ]),
  ])("%j", (entry, complaint) => {
    expect(() => check(entry)).toThrow(`Agent mine, ${complaint}`);
  });

  it("in a named filter, unless another agent that uses it has the name", () => {
    const filters = { quiet: { nodes: { exclude: ["planner", "model_request"] } } };
    const entry = checkAgents("test", { agents: { a: { graph: "g", filter: "quiet" } }, filters }).agents.a;
    if (!entry) throw new Error("There is no entry.");
    const one = { name: "one", entry, graph: tagged as unknown as ServedGraph };
    const other = { name: "other", entry, graph: agent as unknown as ServedGraph };
    expect(checkNames([one, other], filters)).toEqual([]);
    expect(() => checkNames([one], filters)).toThrow(
      'filters.quiet.nodes.exclude: the graph has no node "model_request".',
    );
    expect(checkNames([], filters)).toEqual([]);
  });

  it("of a configuration", async () => {
    const root = temporaryFolder();
    const entry = { graph: `${resolve("src/agents/graphs.ts")}:approvals`, nodes: { plannr: { messages: false } } };
    writeFileSync(join(root, "agents.json"), JSON.stringify({ agents: { mine: entry } }));
    const config = loadConfig({ cwd: root, packageRoot: root }, { CONFIG_DIR: ".", DATA_DIR: root, MODEL: "demo" });
    await expect(appFromConfig(config, root, "test", createLogger("silent"))).rejects.toThrow(
      /^Agent mine, nodes: the graph has no node "plannr"\. It has: \w/,
    );
  });

  it("of createSluice", () => {
    const options = { graph: tagged as never, nodes: { plannr: { messages: false } } };
    expect(() => createSluice({ agents: { mine: options } })).toThrow(
      'Agent mine, nodes: the graph has no node "plannr"',
    );
  });
});

describe("a tag that nobody can see yet", () => {
  it("is reported, with those that can be seen", () => {
    expect(check({ filter: { tags: { exclude: ["at-run-time"] } } })).toEqual([
      'Agent mine, filter.tags.exclude: the graph does not define the tag "at-run-time". Unless code sets this tag during a run, it filters nothing. The graph defines these tags: nostream, langsmith:nostream, langsmith:hidden, internal.',
    ]);
  });

  it("is logged by createSluice", async () => {
    const logged: string[] = [];
    const logger = { ...silent, warn: (_: object, sentence: string) => void logged.push(sentence) };
    const filter = { tags: { exclude: ["at-run-time"] } };
    await createSluice({ agents: { mine: { graph: tagged as never, filter } }, logger }).close();
    expect(logged).toEqual([
      expect.stringContaining('does not define the tag "at-run-time"'),
      expect.stringContaining('no "messages" key'),
    ]);
  });

  it("may differ from another by its number", () => {
    const numbered = new StateGraph(State)
      .addNode("a", new SteppedModel({ always: ["Yes."] }).withConfig({ tags: ["draft-1"] }) as never)
      .addEdge(START, "a")
      .compile();
    expect(check({ filter: { tags: { exclude: ["draft-2"] } } }, numbered)).toHaveLength(1);
  });
});
