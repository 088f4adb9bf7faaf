/** The configuration of a process: its agents, and the settings in the environment and in `.env`. Read once, then frozen. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import dotenv from "dotenv";
import { graphFile } from "../protocol/graph-file.ts";
import type { AgentEntry, AgentsFile } from "./agents.ts";
import { type ApiKey, readKeys } from "./keys.ts";
import { misspelt } from "./misspelt.ts";
import { hideEnvironment, hideFields } from "./secrets.ts";
import { readSettings, type Settings } from "./settings.ts";
import { type AgentSources, configFiles, graphFiles, readAgents } from "./sources.ts";

export interface Config extends Settings {
  readonly agents: Readonly<Record<string, AgentEntry>>;
  readonly filters: AgentsFile["filters"];
  /** The folder that graph files in `agents` are relative to. */
  readonly graphsRelativeTo: string;
  /**
   * The absolute paths of all files that the configuration depends on, whether or not they exist: settings, agents and
   * graphs.
   */
  readonly files: readonly string[];
  /** The API keys in keys.json, in `CONFIG_DIR` or `config/`. */
  readonly keys: readonly ApiKey[];
  /** Requests of the configuration that are not honoured, a sentence each. */
  readonly notices: readonly string[];
}

export interface ConfigSources {
  /** The folder with `.env` and, perhaps, `config/`. */
  readonly cwd: string;
  /** The package's own folder, whose `config/` is used when `cwd` has none. */
  readonly packageRoot: string;
  /** Graphs from the command line, as `<file>:<export>`. They are served instead of the agents in a file. */
  readonly graphs?: readonly string[];
  /** An agents.json or a langgraph.json given on the command line. */
  readonly configFile?: string | undefined;
  /** Settings given on the command line: they win over all others. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Reads the whole configuration. A variable in `env` has precedence, then the `.env` in `cwd`, then a langgraph.json,
 * then the `.env` next to each graph's file. All variables are added to `env`, where graphs find them.
 * @throws ConfigError with one line on what is wrong and what is valid.
 */
export function loadConfig(
  { cwd, packageRoot, graphs = [], configFile, settings = {} }: ConfigSources,
  env: Environment = process.env,
): Readonly<Config> {
  hideEnvironment(env);
  const own = join(cwd, ".env");
  const named = fill(env, own);
  const sources = readAgents({ cwd, packageRoot, graphs, configFile, configDir: configDir(env) });
  hideFields(AGENTS, Object.values(sources.agents));
  const graphsOwn = environmentFiles(sources);
  if (typeof sources.env === "object") dotenv.populate(env as dotenv.DotenvPopulateInput, sources.env);
  for (const file of graphsOwn) fill(env, file);
  const notices = [...misspelt(named), ...sources.notices, ...missingEnvironment(sources, env)];
  // The TypeScript loader reads a project's `paths` from this file. By default it looks only in the working directory.
  const tsconfig = nearestTsconfig(graphFiles(sources));
  if (tsconfig !== undefined) env.TSX_TSCONFIG_PATH ??= tsconfig;
  const { agents, filters, graphsRelativeTo, file } = sources;
  // A project with a langgraph.json was made for LangGraph's API.
  if (sources.langGraph && !env.LANGGRAPH_API?.trim()) env.LANGGRAPH_API = "true";
  Object.assign(env, settings);
  return Object.freeze({
    ...readSettings(env, (name) => (name in settings ? `--${name.toLowerCase()}` : name)),
    agents,
    filters,
    graphsRelativeTo,
    files: [own, ...(file === undefined ? [] : [file]), ...graphsOwn, ...graphFiles(sources)],
    keys: readKeys(keysFile(cwd, env)),
    notices,
  });
}

/**
 * Reads the configuration like `loadConfig`, but does not change the environment.
 * @throws ConfigError
 */
export function peekConfig(sources: ConfigSources): Readonly<Config> {
  return loadConfig(sources, { ...process.env });
}

/** The files to look at when a configuration is wrong, absolute, whether or not they are there. */
export function possibleFiles({ cwd, packageRoot, graphs = [], configFile }: ConfigSources): string[] {
  const env: Environment = { ...process.env };
  const own = join(cwd, ".env");
  fill(env, own);
  const named = graphs.map((graph) => resolve(cwd, graphFile(graph).file));
  return [own, ...configFiles({ cwd, packageRoot, configFile, configDir: configDir(env) }), ...named];
}

/** Owns the secrets in the agents' entries. */
const AGENTS = {};

type Environment = Record<string, string | undefined>;

/** The file with the API keys. */
export function keysFile(cwd: string, env: Environment = process.env): string {
  return resolve(cwd, configDir(env) ?? "config", "keys.json");
}

function configDir(env: Environment): string | undefined {
  return env.CONFIG_DIR?.trim() || undefined;
}

/** Sets the variables of the file that `env` does not have. Returns all names in it: none if it cannot be read. */
function fill(env: Environment, file: string): string[] {
  const { parsed = {} } = dotenv.config({ path: file, processEnv: env as dotenv.DotenvPopulateInput, quiet: true });
  return Object.keys(parsed);
}

/** The tsconfig.json beside or above the first file in TypeScript. */
function nearestTsconfig(files: readonly string[]): string | undefined {
  const first = files.find((file) => /\.[cm]?tsx?$/.test(file));
  return first && upwards(dirname(first)).find((file) => existsSync(file));

  function upwards(folder: string): string[] {
    const parent = dirname(folder);
    return [join(folder, "tsconfig.json"), ...(parent === folder ? [] : upwards(parent))];
  }
}

function environmentFiles(sources: AgentSources): string[] {
  const named = typeof sources.env === "string" ? [resolve(sources.graphsRelativeTo, sources.env)] : [];
  return [...new Set([...named, ...graphFiles(sources).map((file) => join(dirname(file), ".env"))])];
}

/** The file or the variables that a langgraph.json asks for and that are missing. */
function missingEnvironment({ file, graphsRelativeTo, env: wanted, wants }: AgentSources, env: Environment): string[] {
  const missing = wants.filter((name) => !env[name]?.trim());
  const path = typeof wanted === "string" ? resolve(graphsRelativeTo, wanted) : undefined;
  return [
    ...(path !== undefined && !existsSync(path)
      ? [`${file}, env: there is no ${path}, so none of its variables is set.`]
      : []),
    ...(missing.length > 0
      ? [`${file}, env: ${missing.join(", ")} should be set, and ${missing.length > 1 ? "are" : "is"} not.`]
      : []),
  ];
}
