import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defaultAgent, parseAgents } from "../../src/config/agents.ts";
import { ConfigError } from "../../src/config/config-error.ts";

const FILE = "config/agents.json";

function messageFor(content: unknown): string {
  try {
    parseAgents(FILE, typeof content === "string" ? content : JSON.stringify(content));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("accepted");
}

describe("agents.json", () => {
  it("that ships with Sluice is valid", () => {
    const text = readFileSync(new URL("../../config/agents.json", import.meta.url), "utf8");
    expect(Object.keys(parseAgents(FILE, text).agents)).toContain("assistant");
  });

  it("needs no more than a name and a graph", () => {
    const { agents, filters } = parseAgents(FILE, JSON.stringify({ agents: { a: { graph: "./g.js:graph" } } }));
    expect(agents).toEqual({ a: defaultAgent("./g.js:graph") });
    expect(filters).toEqual({});
  });

  it("keeps the order of the agents: the first is the default", () => {
    const text = '{"agents":{"z":{"graph":"a"},"a":{"graph":"a"},"m":{"graph":"a"}}}';
    expect(Object.keys(parseAgents(FILE, text).agents)).toEqual(["z", "a", "m"]);
  });

  it("may refer to a filter by its name", () => {
    const filters = { public: { nodes: { exclude: ["plan"] }, maxDepth: 1 } };
    const parsed = parseAgents(FILE, JSON.stringify({ filters, agents: { a: { graph: "g", filter: "public" } } }));
    expect(parsed.filters).toEqual(filters);
    expect(parsed.agents.a?.filter).toBe("public");
  });

  it.each<[string, unknown, string[]]>([
    ["no JSON", "{", ["is not JSON"]],
    ["no object", "[]", ["top level"]],
    ["no agent", { agents: {} }, ["agents", "at least one"]],
    ["no graph", { agents: { a: {} } }, ["agents.a.graph"]],
    ["a name that is none", { agents: { "a b": { graph: "g" } } }, ["agents", "letters, digits, _ and -"]],
    [
      "a member nobody knows",
      { agents: { a: { graph: "g", grpah: 1 } } },
      ["agents.a", 'unrecognized "grpah"; valid are graph, '],
    ],
    ["an unknown deadline", { agents: { a: { graph: "g", deadlines: { idle: 1 } } } }, ["deadlines", "idleSeconds"]],
    ["a comma at the end", '{\n  "agents": {},\n}', ["line 3: "]],
    ["a comma that is missing", '{\n  "filters": {}\n  "agents": {}\n}', ["line 3: "]],
    ["a word without quotes, far from the end", `{\n"agents": {\n"a": yes\n}}${"\n".repeat(50)}`, ["line 3: "]],
    ["a file that was cut", '{\n  "agents": {\n', ["line 3: "]],
    ["a line's end in a string", '{\n  "agents\n": {} }', ["line 2: "]],
    ["a store of nobody", { agents: { a: { graph: "g", store: "mine" } } }, ["agents.a.store", "none"]],
    [
      "a deadline of nothing",
      { agents: { a: { graph: "g", deadlines: { idleSeconds: 0 } } } },
      ["agents.a.deadlines.idleSeconds"],
    ],
    ["too many prompts", { agents: { a: { graph: "g", prompts: Array(7).fill("hi") } } }, ["agents.a.prompts"]],
    ["a prompt of nothing", { agents: { a: { graph: "g", prompts: [" "] } } }, ["agents.a.prompts.0"]],
    [
      "a model without a name",
      { agents: { a: { graph: "g", nodes: { n: { model: "" } } } } },
      ["agents.a.nodes.n.model"],
    ],
    [
      "a name in configurable that is Sluice's own",
      { agents: { a: { graph: "g", configurable: { thread_id: "t" } } } },
      ["agents.a.configurable", "taken by Sluice or LangGraph"],
    ],
    [
      "a filter nobody made",
      { filters: { x: {} }, agents: { a: { graph: "g", filter: "y" } } },
      ["agents.a.filter", '"y"', "filters: x"],
    ],
    [
      "a filter that is a built-in's name",
      { agents: { a: { graph: "g", filter: "constructor" } } },
      ["agents.a.filter", "filters: none"],
    ],
    [
      "an event nobody knows",
      { filters: { x: { events: ["on_tokens"] } }, agents: { a: { graph: "g" } } },
      ["filters.x.events", "on_tokens", "on_chat_model_stream"],
    ],
    [
      "an event nobody knows, inside an agent",
      { agents: { a: { graph: "g", filter: { events: ["on_tokens"] } } } },
      ["agents.a.filter.events", "on_tokens", "on_chat_model_stream"],
    ],
    [
      "a member nobody knows, inside an agent's filter",
      { agents: { a: { graph: "g", filter: { nodez: {} } } } },
      ["agents.a.filter"],
    ],
    [
      "fields of an event nobody knows",
      { agents: { a: { graph: "g", graphFields: { on_tokens: [] } } } },
      ["agents.a.graphFields", "on_tokens"],
    ],
    [
      "fields of a wildcard",
      { agents: { a: { graph: "g", graphFields: { "on_tool_*": [] } } } },
      ["agents.a.graphFields", "on_tool_*"],
    ],
  ])("with %s is refused in one line with file and field", (_, content, says) => {
    const message = messageFor(content);
    for (const part of [FILE, ...says]) expect(message).toContain(part);
    expect(message).not.toContain("\n");
  });
});
