/** Makes a served agent from a graph, its entry in agents.json and the general settings. */
import type { AgentEntry } from "../config/agents.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";
import { allowList } from "../graph/allow-list.ts";
import { offeredKeys } from "../graph/offered-state.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { ServedGraph } from "../graph/source.ts";

/**
 * Makes an agent from a graph. The settings of its entry override the general settings. `demo`: the demo model answers
 * for the agent.
 */
export function servedAgent(
  name: string,
  entry: AgentEntry,
  config: Settings & Pick<Config, "filters">,
  graph: ServedGraph,
  demo = false,
): ServedAgent {
  const { filter, deadlines, tokens, nodes, source = config.STREAM_SOURCE } = entry;
  if (source === "direct" && config.STREAM_VERSION !== "v2") {
    throw new ConfigError(`agents.${name}: the source "direct" speaks v2 only. Set STREAM_VERSION=v2.`);
  }
  const silentNodes = Object.keys(nodes).filter((node) => nodes[node]?.messages === false);
  const milliseconds = (own: number | undefined, setting: number) => (own ?? setting) * 1_000;
  return {
    name,
    description: entry.description,
    prompts: entry.prompts,
    demo,
    graph,
    source,
    traceContent: config.TRACE_CONTENT,
    allowList: allowList({ events: config.STREAM_ALLOWED_EVENTS, silentNodes }).narrow(
      typeof filter === "string" ? config.filters[filter] : filter,
    ),
    deadlines: {
      firstEventMs: milliseconds(deadlines.firstEventSeconds, config.STREAM_FIRST_EVENT_TIMEOUT_SECONDS),
      idleMs: milliseconds(deadlines.idleSeconds, config.STREAM_IDLE_TIMEOUT_SECONDS),
      totalMs: milliseconds(deadlines.totalSeconds, config.STREAM_TIMEOUT_SECONDS),
    },
    whenBusy: entry.whenBusy,
    orphanGraceMs: milliseconds(entry.orphanGraceSeconds, config.ORPHAN_GRACE_SECONDS),
    detachedGraceMs: milliseconds(entry.detachedGraceSeconds, config.DETACHED_GRACE_SECONDS),
    recover: entry.recover,
    onCutAnswer: entry.onCutAnswer,
    maxToolArgumentBytes: entry.maxToolArgumentBytes,
    maxRunArgumentBytes: config.MAX_RUN_ARGUMENT_BYTES,
    maxRunTokens: config.MAX_RUN_TOKENS,
    maxEventBytes: config.MAX_EVENT_BYTES,
    progress: entry.progress,
    tokens: tokens ?? config.STREAM_TOKENS,
    reasoning: entry.reasoning,
    followsState: entry.transcript === "state",
    reasoningTags: entry.reasoningTags,
    nodes,
    subagents: entry.subagents,
    stateKeys: entry.state,
    offeredKeys: entry.compat === "ag-ui" ? offeredKeys(graph, entry.state) : [],
    configurable: { ...entry.configurable, models: modelsOf(nodes) },
    // As on LangGraph's own server, where a graph finds its configuration in either place.
    context: { ...entry.configurable, ...entry.context },
    clientContext: entry.clientContext,
    accepts: entry.accepts,
    store: entry.store,
    legacyInterrupts: entry.interrupts === "legacy",
    graphTopic: entry.graphTopic,
    graphFields: entry.graphFields,
  };
}

/** The models that nodes are to use, by node. */
function modelsOf(nodes: AgentEntry["nodes"]): Record<string, string> {
  return Object.fromEntries(Object.entries(nodes).flatMap(([node, { model }]) => (model ? [[node, model]] : [])));
}
