/** Finds where a process's agents are written down: on the command line, in an agents.json or in a langgraph.json. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { graphFile } from "../protocol/graph-file.ts";
import { messageOf } from "../protocol/redact.ts";
import { type AgentsFile, checkAgents, defaultAgent, parseJson } from "./agents.ts";
import { ConfigError } from "./config-error.ts";
import { parseLangGraph } from "./langgraph.ts";
import { asItRuns } from "./shipped.ts";

export interface AgentSources extends Pick<AgentsFile, "agents" | "filters"> {
  /** The folder that graph files in `agents` are relative to. */
  readonly graphsRelativeTo: string;
  /** The file they were read from; `undefined` when they were given on the command line. */
  readonly file: string | undefined;
  /** The file is a langgraph.json. */
  readonly langGraph: boolean;
  /** Variables that the file sets where they are not set yet: an object, or a file in the format of `.env`. */
  readonly env: Readonly<Record<string, string>> | string | undefined;
  /** Names of variables that the file wants to be set. */
  readonly wants: readonly string[];
  /** The fields of the file that are not honoured. */
  readonly notices: readonly string[];
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
    return { ...SAYS_NOTHING, agents: fromCommandLine(graphs), filters: {}, graphsRelativeTo: cwd, file: undefined };
  }
  const file = configFile(wanted);
  const graphsRelativeTo = dirname(file);
  const json = parseJson(file, textOf(file));
  if (isLangGraph(json)) return { ...parseLangGraph(file, json), langGraph: true, filters: {}, graphsRelativeTo, file };
  const { agents, filters } = checkAgents(file, json);
  const running = Object.entries(agents).map(([name, agent]) => {
    return [name, { ...agent, graph: asItRuns(agent.graph, graphsRelativeTo) }];
  });
  return { ...SAYS_NOTHING, agents: Object.fromEntries(running), filters, graphsRelativeTo, file };
}

/** The fields that only a langgraph.json may bring. */
const SAYS_NOTHING = { langGraph: false, env: undefined, wants: [], notices: [] };

/** The graph files among the agents, absolute. */
export function graphFiles({ agents, graphsRelativeTo }: AgentSources): string[] {
  return Object.values(agents).map(({ graph }) => resolve(graphsRelativeTo, graphFile(graph).file));
}

/** Returns the absolute paths of the files that may name the agents. The first file that exists is used. */
export function configFiles({ cwd, packageRoot, configFile, configDir }: Omit<Wanted, "graphs">): string[] {
  if (configFile !== undefined) return [resolve(cwd, configFile)];
  if (configDir) return [resolve(cwd, configDir, "agents.json")];
  return [join(cwd, "config", "agents.json"), join(cwd, "langgraph.json"), join(packageRoot, "config", "agents.json")];
}

/** @throws ConfigError when no file exists. */
function configFile(wanted: Wanted): string {
  const files = configFiles(wanted);
  const found = files.find((file) => existsSync(file));
  if (found) return found;
  const [file = ""] = files;
  if (wanted.configFile !== undefined) {
    throw new ConfigError(`--config: there is no ${basename(file)} in ${dirname(file)}.`);
  }
  throw new ConfigError(`CONFIG_DIR: there is no agents.json in ${files.map((file) => dirname(file)).join(" or ")}.`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Is this the content of a langgraph.json, and not of an agents.json? Either file may have any name. */
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
  const base = wordsOf((file.split(/[\\/]/).at(-1) ?? file).replace(/\.[^.]*$/, "")) || "agent";
  return exported === "graph" || exported === "default" ? base : `${base}-${wordsOf(exported) || "other"}`;
}

/** Replaces characters that an agent's name may not have. */
function wordsOf(name: string): string {
  return name.replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "");
}
