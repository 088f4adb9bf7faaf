/** The app that a process serves: what its configuration names, on what it keeps on disk. */
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";
import { type LoadOptions, loadGraph } from "../graph/loader.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { ServedGraph } from "../graph/source.ts";
import type { EventLog } from "../log/log.ts";
import type { Logger } from "../ops/logger.ts";
import { isGraphFile } from "../protocol/graph-file.ts";
import { messageOf } from "../protocol/redact.ts";
import { type App, createApp } from "./app.ts";
import { BUNDLED, bundledGraphs, modelKind } from "./bundled.ts";
import { openEventLog } from "./event-log.ts";
import { checkNames, type Entry } from "./known-names.ts";
import { servedAgent } from "./served-agent.ts";
import { openStorage, type Storage } from "./storage.ts";

/**
 * The app that a configuration describes: its agents' graphs built or loaded, its threads in `DATA_DIR`.
 * @throws ConfigError when a graph cannot be loaded, or the database not opened.
 */
export async function appFromConfig(
  config: Config,
  packageRoot: string,
  version: string,
  logger: Logger,
): Promise<App> {
  const { store, checkpointer, items } = storageOf(config);
  let log: EventLog | undefined;
  try {
    log = await eventLogOf(config, logger);
    const bundled = await bundledGraphs(config, checkpointer, packageRoot);
    const entries: Entry[] = [];
    const agents: ServedAgent[] = [];
    // One after the other: how a module is loaded may depend on those before it, and must not on chance.
    for (const [name, entry] of Object.entries(config.agents)) {
      const ours = bundled.get(entry.graph);
      const demo = ours !== undefined && modelKind(config) === "demo";
      if (!ours && !isGraphFile(entry.graph)) {
        throw new ConfigError(
          `Agent ${name}: there is no bundled agent "${entry.graph}". Bundled: ${BUNDLED.join(", ")}.`,
        );
      }
      const graph = ours ?? (await load(name, entry.graph, { folder: config.graphsRelativeTo, checkpointer }));
      entries.push({ name, entry, graph });
      agents.push(servedAgent(name, entry, config, graph, demo));
    }
    for (const notice of [...config.notices, ...checkNames(entries, config.filters)]) logger.warn({}, notice);
    const [first, ...rest] = agents;
    if (!first) throw new ConfigError("agents.json names no agent.");
    const playground = resolve(packageRoot, "dist", "playground");
    return createApp([first, ...rest], config, { logger, version, playground, store, items, log });
  } catch (error) {
    await log?.close();
    await store.close();
    throw error;
  }
}

function storageOf({ DATA_DIR }: Settings): Storage {
  try {
    return openStorage(DATA_DIR);
  } catch (error) {
    throw new ConfigError(`DATA_DIR=${DATA_DIR}: ${messageOf(error)}`, { cause: error });
  }
}

async function eventLogOf(settings: Settings, logger: Logger): Promise<EventLog | undefined> {
  try {
    return await openEventLog(settings, logger);
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
