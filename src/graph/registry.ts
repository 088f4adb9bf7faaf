/** The agents this process serves. An agent is a graph with a name and its own settings. */
import { SluiceError } from "../protocol/errors.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import { shown } from "../protocol/text.ts";
import type { AllowList } from "./allow-list.ts";
import type { OfferedKey } from "./offered-state.ts";
import type { ServedGraph, StreamSource } from "./source.ts";

/** Milliseconds that a run may take. */
export interface DeadlineLimits {
  /** The time until the model's first output, the first tool or the first custom event. */
  readonly firstEventMs: number;
  /** The time between two graph events after that; paused while a tool runs. */
  readonly idleMs: number;
  /** From start to end. */
  readonly totalMs: number;
}

/** Settings for the messages of one node. An absent field is as for the agent. */
export interface NodeSettings {
  /** `false`: each message leaves once, whole. */
  readonly tokens?: boolean | undefined;
  readonly reasoning?: boolean | undefined;
  /** `false`: the node's messages do not leave at all. */
  readonly messages?: boolean | undefined;
}

export interface ServedAgent {
  readonly name: string;
  readonly description: string;
  /** First messages that a frontend may suggest. */
  readonly prompts: readonly string[];
  /** The built-in demo model answers for it. */
  readonly demo: boolean;
  readonly graph: ServedGraph;
  /** The source of the graph's events. */
  readonly source: StreamSource;
  /** Spans for OpenTelemetry hold what was said. */
  readonly traceContent: boolean;
  readonly allowList: AllowList;
  readonly deadlines: DeadlineLimits;
  /** The treatment of a start on a thread that is busy: it is refused, waits, or ends the run that is active. */
  readonly whenBusy: "reject" | "enqueue" | "interrupt";
  /** Milliseconds that a run goes on after its last follower has left. */
  readonly orphanGraceMs: number;
  /** The same for a run whose starter can come back and read on. */
  readonly detachedGraceMs: number;
  /** The treatment of a run whose process died: `true`, the next process continues it; `false`, it is ended. */
  readonly recover: boolean;
  /**
   * The treatment of a run where a model's answer was cut off: its end is marked, or it fails before the node has
   * finished.
   */
  readonly onCutAnswer: "mark" | "error";
  /** Bytes that the arguments of one model call's tool calls may have; with more the run fails with `model_error`. */
  readonly maxToolArgumentBytes: number;
  /**
   * Bytes that the arguments of all model calls of a run may have together; with more the run fails with `model_error`.
   * The setting of the same name holds for all agents.
   */
  readonly maxRunArgumentBytes: number;
  readonly maxRunTokens: number;
  /** Bytes of one event: longer text is sent in several, and larger values are cut. */
  readonly maxEventBytes: number;
  /** Seconds between two progress reports of its runs, where they have any. */
  readonly progress: boolean | number;
  /** `false`: each message leaves once, whole. */
  readonly tokens: boolean;
  /** `false`: no reasoning leaves. */
  readonly reasoning: boolean;
  /** Any message that its state removes is taken back from clients, earlier runs' messages too. */
  readonly followsState: boolean;
  /** Names of the tags that enclose reasoning in text. With none, all text is text. */
  readonly reasoningTags: readonly string[];
  /** Settings that differ for single nodes, by name or path. */
  readonly nodes: Readonly<Record<string, NodeSettings>>;
  /** Clients are shown which graph inside this one an event is of. */
  readonly subagents: boolean;
  /** State keys that clients may see, and may send. */
  readonly stateKeys: readonly string[];
  /** State keys that frontend tools and context are put under. */
  readonly offeredKeys: readonly OfferedKey[];
  /** Values that the graph finds in its `config.configurable`, beside those of a run. */
  readonly configurable: Readonly<Record<string, unknown>>;
  /** Values that it finds in its `runtime.context`, beside those of a run. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Keys of the context that clients may set. */
  readonly clientContext: readonly string[];
  /** The ways in which clients of LangGraph's API may steer the graph. */
  readonly accepts: readonly string[];
  /** The items that it finds in LangGraph's `store`: its own, those of all agents that share, or no store at all. */
  readonly store: "own" | "shared" | "none";
  /** `true`: clients of `/agui` get a question as an event `on_interrupt`, and may answer it with a command. */
  readonly legacyInterrupts: boolean;
  /** `true`: the graph topic is written for every run, not only for those a `langgraph` socket started. */
  readonly graphTopic: boolean;
  /** Dotted paths into `data` that the `langgraph` format may show, by event name. */
  readonly graphFields: Partial<Record<GraphEventName, readonly string[]>>;
}

export class Registry {
  readonly #agents: ReadonlyMap<string, ServedAgent>;
  readonly #fallback: ServedAgent;

  /** The first agent is the default. */
  constructor(agents: readonly [ServedAgent, ...ServedAgent[]]) {
    this.#agents = new Map(agents.map((agent) => [agent.name, agent]));
    this.#fallback = agents[0];
  }

  get all(): ServedAgent[] {
    return [...this.#agents.values()];
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  get(name: string | undefined): ServedAgent {
    const agent = name === undefined ? this.#fallback : this.#agents.get(name);
    if (agent) return agent;
    throw new SluiceError(
      "not_found",
      `There is no agent "${shown(name ?? "")}". Agents: ${[...this.#agents.keys()].join(", ")}.`,
    );
  }
}
