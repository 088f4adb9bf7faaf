/** Reads the graphs and the `env` of a `langgraph.json`, which projects for LangGraph's own server have. */
import { z } from "zod";
import { graphFile } from "../protocol/graph-file.ts";
import { type AgentsFile, agentName, defaultAgent, explain } from "./agents.ts";
import { ConfigError } from "./config-error.ts";

const file = z.string().min(1, "<file>:<export>");

/**
 * Other fields of such a file are for another server. They are not honoured, and never keep a graph from being served.
 */
const langGraphFile = z.object({
  graphs: z.record(agentName, z.union([file, z.object({ path: file, description: z.string().optional() })])),
  /** A file in the format of `.env`, the variables themselves, or only the names of those that have to be set. */
  env: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.coerce.string())]).optional(),
});

/** Fields that Sluice does not honour, and a sentence about what applies instead. */
const NOT_HONOURED = {
  auth: "It does not make clients sign in: see docs/deploying.md on access.",
  http: "Its routes, middleware and CORS are not there: ALLOWED_ORIGINS says which websites may connect.",
  store: "Graphs get Sluice's own store, without a vector index and without expiry.",
  checkpointer: "Threads are kept in DATA_DIR.",
  webhooks: "Nothing is sent to them.",
} as const;

/** The part of a langgraph.json that Sluice reads. */
export interface LangGraphFile {
  readonly agents: AgentsFile["agents"];
  readonly env: string | Readonly<Record<string, string>> | undefined;
  /** Names of variables that have to be set. */
  readonly wants: readonly string[];
  /** The fields that are not honoured, a sentence each. */
  readonly notices: readonly string[];
}

/**
 * The agents of a langgraph.json.
 * @throws ConfigError with one line: file, field, what is wrong.
 */
export function parseLangGraph(name: string, json: unknown): LangGraphFile {
  const parsed = langGraphFile.safeParse(json);
  if (!parsed.success) throw new ConfigError(`${name}, ${explain(parsed.error)}`);
  const { env } = parsed.data;
  const graphs = Object.entries(parsed.data.graphs).map(([agent, graph]) => ({
    agent,
    ...(typeof graph === "string" ? { path: graph, description: undefined } : graph),
  }));
  if (graphs.length === 0) throw new ConfigError(`${name}, graphs: name at least one graph.`);
  const python = graphs.filter(({ path }) => graphFile(path).file.endsWith(".py")).map(({ agent }) => agent);
  if (python.length > 0) {
    throw new ConfigError(
      `${name}, graphs: ${python.join(", ")} ${python.length > 1 ? "are" : "is"} written in Python; Sluice serves graphs in JavaScript and TypeScript.`,
    );
  }
  const agents = Object.fromEntries(
    graphs.map(({ agent, path, description = "" }) => [agent, { ...defaultAgent(path), description }]),
  );
  const notices = Object.entries(NOT_HONOURED)
    .filter(([field]) => isSaid((json as Record<string, unknown>)[field]))
    .map(([field, instead]) => `${name}, ${field}: not honoured. ${instead}`);
  return Array.isArray(env) ? { agents, env: undefined, wants: env, notices } : { agents, env, wants: [], notices };
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}
