/** Where a process's agents are written down: on the command line, in an agents.json or in a langgraph.json. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { graphFile, isGraphFile } from "../protocol/graph-file.ts";
import { type AgentsFile, defaultAgent, parseAgents, parseJson } from "./agents.ts";
import { ConfigError } from "./config-error.ts";
import { parseLangGraph } from "./langgraph.ts";

export interface AgentSources extends Pick<AgentsFile, "agents" | "filters"> {
  /** The folder that graph files in `agents` are relative to. */
  readonly graphsRelativeTo: string;
  /** The file they were read from; `undefined` when they were given on the command line. */
  readonly file: string | undefined;
  /** Variables that the file sets where they are not set yet: an object, or a file in the format of `.env`. */
  readonly env: Readonly<Record<string, string>> | string | undefined;
}

export interface Wanted {
  readonly cwd: string;
  readonly packageRoot: string;
  /** `<file>:<export>` from the command line. */
  readonly graphs: readonly string[];
  /** An agents.json or a langgraph.json from the command line. */
  readonly configFile: string | undefined;
  /** The setting `CONFIG_DIR`. */
  readonly configDir: string | undefined;
}

/**
 * Reads the agents that are wanted.
 * @throws ConfigError with one line on what is wrong.
 */
export function readAgents(wanted: Wanted): AgentSources {
  const { cwd, graphs } = wanted;
  if (graphs.length > 0) {
    return { agents: fromCommandLine(graphs), filters: {}, graphsRelativeTo: cwd, file: undefined, env: undefined };
  }
  const file = configFile(wanted);
  const text = readFileSync(file, "utf8");
  const graphsRelativeTo = dirname(file);
  const json = parseJson(file, text);
  if (isLangGraph(json)) return { ...parseLangGraph(file, json), filters: {}, graphsRelativeTo, file };
  return { ...parseAgents(file, text), graphsRelativeTo, file, env: undefined };
}

/** The graph files among the agents, absolute. */
export function graphFiles({ agents, graphsRelativeTo }: AgentSources): string[] {
  return Object.values(agents).flatMap(({ graph }) =>
    isGraphFile(graph) ? [resolve(graphsRelativeTo, graphFile(graph).file)] : [],
  );
}

function configFile({ cwd, packageRoot, configFile, configDir }: Wanted): string {
  if (configFile !== undefined) {
    const file = resolve(cwd, configFile);
    if (existsSync(file)) return file;
    throw new ConfigError(`--config: there is no ${basename(file)} in ${dirname(file)}.`);
  }
  const candidates = configDir
    ? [join(resolve(cwd, configDir), "agents.json")]
    : [join(cwd, "config", "agents.json"), join(cwd, "langgraph.json"), join(packageRoot, "config", "agents.json")];
  const found = candidates.find((file) => existsSync(file));
  if (found) return found;
  throw new ConfigError(
    `CONFIG_DIR: there is no agents.json in ${candidates.map((file) => dirname(file)).join(" or ")}.`,
  );
}

/** They are told apart by content, since either may have any name. */
function isLangGraph(json: unknown): json is { readonly graphs: unknown } {
  return typeof json === "object" && json !== null && "graphs" in json && !("agents" in json);
}

function fromCommandLine(graphs: readonly string[]): AgentsFile["agents"] {
  const agents = new Map<string, string>();
  for (const graph of graphs) {
    const name = agentName(graph);
    const other = agents.get(name);
    if (other !== undefined) {
      throw new ConfigError(`${other} and ${graph} would both be called ${name}: name them in config/agents.json.`);
    }
    agents.set(name, graph);
  }
  return Object.fromEntries([...agents].map(([name, graph]) => [name, defaultAgent(graph)]));
}

/** `./graphs/my-graph.js:graph` is served as `my-graph`; other exports of the file as `my-graph-other`. */
function agentName(graph: string): string {
  const { file, exported = "default" } = graphFile(graph);
  const base = (file.split(/[\\/]/).at(-1) ?? file).replace(/\.[^.]*$/, "").replace(/[^\w-]+/g, "-");
  return exported === "graph" || exported === "default" ? base : `${base}-${exported}`;
}
