/** Makes the app of a process from its configuration and its storage. */
import { resolve } from "node:path";
import type { AgentEntry } from "../config/agents.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { modelKind } from "../config/settings.ts";
import { isShipped } from "../config/shipped.ts";
import { type LoadOptions, loadGraph } from "../graph/loader.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { ServedGraph } from "../graph/source.ts";
import type { Logger } from "../ops/logger.ts";
import { messageOf } from "../protocol/redact.ts";
import { type App, createApp } from "./app.ts";
import { closeBackends, openBackends } from "./backends.ts";
import { checkNames, type Entry } from "./known-names.ts";
import { servedAgent } from "./served-agent.ts";

/**
 * Makes the app that a configuration describes: opens its storage, and loads the graphs of its agents.
 * @throws ConfigError when a graph cannot be loaded, or the database not opened.
 */
export async function appFromConfig(
  config: Config,
  packageRoot: string,
  version: string,
  logger: Logger,
): Promise<App> {
  const backends = await openBackends(config, logger);
  const { store, checkpointer, items, instances, log, shared } = backends;
  try {
    const entries: Entry[] = [];
    const agents: ServedAgent[] = [];
    // One after the other: loading a module may depend on the modules before it, so their order must not depend on
    // chance.
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
    const keeping = { store, items, instances, log, shared };
    return createApp([first, ...rest], config, { logger, version, playground, keys: config.keys, ...keeping });
  } catch (error) {
    await closeBackends(backends);
    throw error;
  }
}

function demoAnswers(config: Config, { graph }: AgentEntry): boolean {
  return modelKind(config) === "demo" && isShipped(graph, config.graphsRelativeTo);
}

async function load(agent: string, graph: string, options: LoadOptions): Promise<ServedGraph> {
  try {
    return await loadGraph(graph, options);
  } catch (error) {
    throw new ConfigError(`Agent ${agent}: ${messageOf(error)}`, { cause: error });
  }
}
