/** The configuration of a process: `.env` and the environment, and `config/agents.json`. Read once, then frozen. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import dotenv from "dotenv";
import { type AgentEntry, type AgentsFile, defaultAgent, parseAgents } from "./agents.ts";
import { ConfigError, readSettings, type Settings } from "./settings.ts";

export interface Config extends Settings {
  readonly agents: Readonly<Record<string, AgentEntry>>;
  readonly filters: AgentsFile["filters"];
  /** The folder that graph files in `agents` are relative to. */
  readonly graphsRelativeTo: string;
}

export interface ConfigSources {
  /** The folder with `.env` and, perhaps, `config/`. */
  readonly cwd: string;
  /** The package's own folder, whose `config/` is used when `cwd` has none. */
  readonly packageRoot: string;
  /** `<file>:<export>` given on the command line: they are served instead of what agents.json names. */
  readonly graphs?: readonly string[];
}

/**
 * Reads it all. Variables that are set win over `.env`.
 * @throws ConfigError with one line on what is wrong and what is valid.
 */
export function loadConfig({ cwd, packageRoot, graphs = [] }: ConfigSources): Readonly<Config> {
  dotenv.config({ path: join(cwd, ".env"), quiet: true });
  const settings = readSettings(process.env);
  if (graphs.length > 0) {
    const agents = Object.fromEntries(graphs.map((graph) => [agentName(graph), defaultAgent(graph)]));
    return Object.freeze({ ...settings, agents, filters: {}, graphsRelativeTo: cwd });
  }
  const { folder, file } = agentsFile(settings.CONFIG_DIR, cwd, packageRoot);
  const { agents, filters } = parseAgents(file, readFileSync(file, "utf8"));
  return Object.freeze({ ...settings, agents, filters, graphsRelativeTo: folder });
}

function agentsFile(configDir: string | undefined, cwd: string, packageRoot: string): { folder: string; file: string } {
  const candidates = configDir ? [resolve(cwd, configDir)] : [join(cwd, "config"), join(packageRoot, "config")];
  for (const folder of candidates) {
    const file = join(folder, "agents.json");
    if (existsSync(file)) return { folder, file };
  }
  throw new ConfigError(`CONFIG_DIR: there is no agents.json in ${candidates.join(" or ")}.`);
}

/** `./graphs/my-graph.js:graph` is served as `my-graph`; other exports of the file as `my-graph-other`. */
function agentName(graph: string): string {
  const [, file = graph, exported] = /^(.{2,}?)(?::([^:]*))?$/.exec(graph) ?? [];
  const base = (file.split(/[\\/]/).at(-1) ?? file).replace(/\.[^.]*$/, "").replace(/[^\w-]+/g, "-");
  return exported === undefined || exported === "graph" || exported === "default" ? base : `${base}-${exported}`;
}
