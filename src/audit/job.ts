/** One agent of a configuration, loaded and audited in this process. */
import { resolve } from "node:path";
import { MemorySaver } from "@langchain/langgraph";
import type { AgentEntry } from "../config/agents.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { loadGraph } from "../graph/loader.ts";
import type { ServedGraph } from "../graph/source.ts";
import { graphFile } from "../protocol/graph-file.ts";
import { messageOf } from "../protocol/redact.ts";
import { type Audit, type AuditOptions, audit } from "./audit.ts";
import type { Job } from "./process.ts";

export async function auditJob(job: Job, surroundings: Pick<AuditOptions, "open" | "listening">): Promise<Audit> {
  const config = loadConfig(job.sources);
  const name = agentOf(config, job);
  const entry = config.agents[name];
  if (!entry)
    throw new ConfigError(`--agent: there is no agent "${name}". Agents: ${Object.keys(config.agents).join(", ")}.`);
  const graph = await load(entry, config);
  const file = resolve(config.graphsRelativeTo, graphFile(entry.graph).file);
  return audit(
    { name, entry, settings: config, filters: config.filters, graph, file },
    {
      message: job.message,
      realModel: job.realModel,
      realTools: job.realTools,
      environment: Object.entries(job.words).map(([name, word]) => ({
        kind: "environment",
        name,
        texts: [bare(word)],
      })),
      timeoutMs: job.timeoutMs,
      ...surroundings,
    },
  );
}

function agentOf(config: Config, { agent }: Job): string {
  return agent ?? Object.keys(config.agents)[0] ?? "";
}

/** The canary's word inside a generated address. */
function bare(word: string): string {
  return /^\w+:\/\/audit:(\w+)@audit\.invalid/.exec(word)?.[1] ?? word;
}

async function load({ graph }: AgentEntry, { graphsRelativeTo: folder }: Config): Promise<ServedGraph> {
  try {
    return await loadGraph(graph, { folder, checkpointer: new MemorySaver() });
  } catch (error) {
    throw new ConfigError(messageOf(error), { cause: error });
  }
}
