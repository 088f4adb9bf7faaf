/** Examines a graph or a server: observes, then diagnoses. */
import { resolve } from "node:path";
import { MemorySaver } from "@langchain/langgraph";
import { servedAgent } from "../app/served-agent.ts";
import { type AgentEntry, defaultAgent } from "../config/agents.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { loadGraph } from "../graph/loader.ts";
import type { ServedGraph } from "../graph/source.ts";
import { graphFile } from "../protocol/graph-file.ts";
import { messageOf } from "../protocol/redact.ts";
import { aboutKeys } from "./about-keys.ts";
import { Activity } from "./activity.ts";
import { diagnose } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";
import { ModelCalls } from "./model-calls.ts";
import { observeGraph, type Question } from "./observe-graph.ts";
import { observeServer } from "./observe-server.ts";
import type { Verdict } from "./verdict.ts";

export interface Examination {
  /** `<file>:<export>` or an address. Default: the graph of `agent` in the configuration. */
  readonly target: string | undefined;
  /** An agent's name: the agent of a server that is asked, or the agent whose settings apply to a file. */
  readonly agent: string | undefined;
  /** An agents.json or langgraph.json, for the agent's settings. */
  readonly configFile: string | undefined;
  readonly message: string;
  /** The graph's input instead of messages; for a server, the run's `state`. */
  readonly input: unknown;
  /** Sent to a server with each request. Their values are in no report. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The most that the first token may take, in milliseconds. */
  readonly firstTokenMs: number;
  /** The longest that the run may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly expectReasoning: boolean;
  /** The folder that files are relative to. */
  readonly cwd: string;
  readonly packageRoot: string;
}

export interface Finding {
  readonly evidence: Evidence;
  /** At least one verdict, the main one first. */
  readonly verdicts: readonly Verdict[];
}

const DEFAULT_TAGS = defaultAgent("any").reasoningTags;

export function isAddress(target: string): boolean {
  return /^(https?|wss?):\/\//i.test(target) && URL.canParse(target);
}

/**
 * Asks one question, and returns the findings.
 * @throws ConfigError when there is nothing to examine: no such file, export or agent.
 */
export async function examine(examination: Examination): Promise<Finding> {
  const { target } = examination;
  const evidence =
    target !== undefined && isAddress(target)
      ? await observeServer(target, examination.agent, question(examination, DEFAULT_TAGS), examination.headers)
      : await examineGraph(examination);
  return { evidence, verdicts: diagnose(evidence) };
}

async function examineGraph(examination: Examination): Promise<Evidence> {
  const { target, configFile, cwd, packageRoot } = examination;
  const graphs = target !== undefined && configFile === undefined ? [target] : [];
  const config = loadConfig({ cwd, packageRoot, graphs, configFile });
  const [name, entry] = entryOf(config, examination);
  const asked = question(examination, entry.reasoningTags);
  const asTarget = target ?? name;
  // Made before the module is loaded, so that resources which the module creates are seen too.
  const activity = new Activity();
  const calls = new ModelCalls(activity);
  try {
    const graph = await load(entry, config);
    await calls.watch(resolve(config.graphsRelativeTo, graphFile(entry.graph).file));
    return await observeGraph(asTarget, servedAgent(name, entry, config, graph), asked, activity, calls);
  } catch (error) {
    const message = messageOf(error);
    if (!aboutKeys(message)) throw error;
    return notRun(asTarget, asked, message);
  } finally {
    calls.stop();
    activity.stop();
  }
}

async function load({ graph }: AgentEntry, { graphsRelativeTo: folder }: Config): Promise<ServedGraph> {
  try {
    return await loadGraph(graph, { folder, checkpointer: new MemorySaver() });
  } catch (error) {
    throw new ConfigError(messageOf(error), { cause: error });
  }
}

/** The agent to examine: the agent of that name, else the agent with that graph, else the first agent. */
function entryOf(config: Config, { target, agent, configFile, cwd }: Examination): [string, AgentEntry] {
  const entries = Object.entries(config.agents);
  const names = entries.map(([name]) => name).join(", ");
  if (agent !== undefined && configFile === undefined && target !== undefined) {
    throw new ConfigError("--agent names one of a configuration file: give that with --config.");
  }
  const same = (graph: string) => sameGraph([config.graphsRelativeTo, graph], [cwd, target ?? ""]);
  const found = entries.find(([name, { graph }]) =>
    agent !== undefined ? name === agent : target === undefined || configFile === undefined || same(graph),
  );
  if (!found) {
    throw new ConfigError(
      agent === undefined
        ? `--config: no agent has the graph ${target}: name one with --agent. Agents: ${names}.`
        : `--agent: there is no agent "${agent}". Agents: ${names}.`,
    );
  }
  const [name, entry] = found;
  return configFile === undefined || target === undefined ? found : [name, { ...entry, graph: resolved(cwd, target) }];
}

function sameGraph(...graphs: readonly [folder: string, graph: string][]): boolean {
  return new Set(graphs.map(([folder, graph]) => resolved(folder, graph))).size === 1;
}

function resolved(folder: string, graph: string): string {
  const { file, exported } = graphFile(graph);
  return exported === undefined ? resolve(folder, file) : `${resolve(folder, file)}:${exported}`;
}

function question(examination: Examination, reasoningTags: readonly string[]): Question {
  const { message, input, firstTokenMs, timeoutMs } = examination;
  // An agent that names tags of its own expects them.
  const named = reasoningTags.some((tag) => !DEFAULT_TAGS.includes(tag));
  const expectReasoning = examination.expectReasoning || named;
  return { message, input, asked: { firstTokenMs, timeoutMs, expectReasoning, reasoningTags } };
}

/** The evidence for a graph that could not be made, because a key is missing. */
function notRun(target: string, { asked }: Question, message: string): Evidence {
  return {
    target,
    asked,
    end: { kind: "failed", message, byModel: true },
    totalMs: 0,
    delivered: { counts: {}, messages: [], tokens: [], reasoning: 0, snapshots: 0 },
    tags: { opened: 0, closed: 0 },
    graph: {
      nodes: [],
      modelCalls: [],
      seenCalls: [],
      exchanges: [],
      helpers: [],
      customs: [],
      stalls: [],
      refused: {},
      wholeNodes: [],
    },
  };
}
