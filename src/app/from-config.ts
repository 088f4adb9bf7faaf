/** The app that a process serves: what its configuration names, on what it keeps on disk. */
import { resolve } from "node:path";
import type { AgentEntry } from "../config/agents.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { modelKind, type Settings } from "../config/settings.ts";
import { isShipped } from "../config/shipped.ts";
import { type LoadOptions, loadGraph } from "../graph/loader.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { ServedGraph } from "../graph/source.ts";
import type { RedisLog } from "../log/redis/redis-log.ts";
import type { Logger } from "../ops/logger.ts";
import { messageOf } from "../protocol/redact.ts";
import { type App, createApp } from "./app.ts";
import { openEventLog } from "./event-log.ts";
import { checkNames, type Entry } from "./known-names.ts";
import { servedAgent } from "./served-agent.ts";
import { openSharedRates, type SharedRates } from "./shared-rates.ts";
import { openPostgres, openStorage, type Storage } from "./storage.ts";

/**
 * The app that a configuration describes: its agents' graphs loaded, its threads in `DATA_DIR`.
 * @throws ConfigError when a graph cannot be loaded, or the database not opened.
 */
export async function appFromConfig(
  config: Config,
  packageRoot: string,
  version: string,
  logger: Logger,
): Promise<App> {
  const { store, checkpointer, items, instances } = await storageOf(config);
  let log: RedisLog | undefined;
  let shared: SharedRates | undefined;
  try {
    log = await inRedis(openEventLog(config, logger));
    shared = await openSharedRates(config);
    if (log && instances && !(await inRedis(instances.shareLog(log)))) throw new ConfigError(ANOTHER_LOG);
    const entries: Entry[] = [];
    const agents: ServedAgent[] = [];
    // One after the other: how a module is loaded may depend on those before it, and must not on chance.
    for (const [name, entry] of Object.entries(config.agents)) {
      const folder = config.graphsRelativeTo;
      const graph = await load(name, entry.graph, { folder, checkpointer });
      entries.push({ name, entry, graph });
      agents.push(servedAgent(name, entry, config, graph, demoAnswers(config, entry)));
    }
    for (const notice of [...config.notices, ...checkNames(entries, config.filters)]) logger.warn({}, notice);
    const [first, ...rest] = agents;
    if (!first) throw new ConfigError("agents.json names no agent.");
    const playground = resolve(packageRoot, "dist", "playground");
    const kept = { store, items, instances, log, shared };
    return createApp([first, ...rest], config, { logger, version, playground, keys: config.keys, ...kept });
  } catch (error) {
    shared?.close();
    await log?.close();
    await store.close();
    throw error;
  }
}

function demoAnswers(config: Config, { graph }: AgentEntry): boolean {
  return modelKind(config) === "demo" && isShipped(graph, config.graphsRelativeTo);
}

async function storageOf({ DATA_DIR, DATABASE_URL, REDIS_URL }: Settings): Promise<Storage> {
  if (DATABASE_URL !== undefined) {
    // A log of its own is what keeps a process from sharing threads with others.
    return openPostgres(DATABASE_URL, REDIS_URL !== undefined).catch((error: unknown) => {
      throw new ConfigError(`DATABASE_URL: ${messageOf(error)}`, { cause: error });
    });
  }
  try {
    return openStorage(DATA_DIR);
  } catch (error) {
    throw new ConfigError(`DATA_DIR=${DATA_DIR}: ${messageOf(error)}`, { cause: error });
  }
}

const ANOTHER_LOG =
  "REDIS_URL, REDIS_PREFIX: processes that use this DATABASE_URL have their events elsewhere. Give them all the same REDIS_URL and the same REDIS_PREFIX, or this one a database of its own.";

async function inRedis<T>(opened: Promise<T>): Promise<T> {
  try {
    return await opened;
  } catch (error) {
    throw new ConfigError(`REDIS_URL: ${messageOf(error)}`, { cause: error });
  }
}

async function load(agent: string, graph: string, options: LoadOptions): Promise<ServedGraph> {
  try {
    return await loadGraph(graph, options);
  } catch (error) {
    throw new ConfigError(`Agent ${agent}: ${messageOf(error)}`, { cause: error });
  }
}
