/** The plan of a run, and the things it needs of its thread. */
import type { AgentCounts, Counts } from "../counts/counts.ts";
import type { Tally } from "../counts/tally.ts";
import type { AllowList } from "../graph/allow-list.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { GraphInput, RunRequest, StreamVersion } from "../graph/source.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Interrupt, Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import { narrowingTo } from "../protocol/input.ts";
import type { InjectedMessages } from "../store/injected.ts";
import { type ItemStores, scopeOf } from "../store/items.ts";
import type { Claim, KeptBeside } from "../store/store.ts";
import type { Tombstone } from "../store/tombstones.ts";
import { createTranslator } from "../translate/create-translator.ts";
import type { Translator } from "../translate/translator.ts";
import type { Handover } from "./handover.ts";
import { OUTPUT_SETTINGS, type OutputLimit, outputLimitsOf, tooMuchOutput } from "./output-limits.ts";
import { progressEvery } from "./progress.ts";
import { cutOff } from "./run-end.ts";
import type { RunInput } from "./run-input.ts";
import { NOTHING_USED, type SoFar, type Used } from "./so-far.ts";

export interface RunPlan extends Claim {
  readonly agent: ServedAgent;
  /** The client's id of the thread: events name it so. Stores, topics and checkpoints know the thread by `threadId`. */
  readonly threadName: string;
  readonly input: GraphInput;
  /** The interrupts that it answers. */
  readonly answered: readonly Interrupt[];
  /** The messages that came with this run. */
  readonly fresh: readonly Message[];
  /** The thread's transcript before this run, as far as it holds for the graph. */
  readonly history: readonly Message[];
  /** The same with the messages of `again`. */
  readonly shown: readonly Message[];
  /** Messages that clients have until the graph's first node begins, and their places. Their nodes run again. */
  readonly again: Readonly<Record<string, string>>;
  /** The messages of `history` from this index on count as this run's own. */
  readonly ownFrom: number;
  /** The messages among them whose nodes run again, and their places. */
  readonly drafts: Readonly<Record<string, string>>;
  /** The ids that models gave to the thread's calls, where clients know them by other ids. */
  readonly callIds: CallIds;
  /** Messages that the graph's state drops are taken back. */
  readonly followsState: boolean;
  /** Set when the client's history parts from the thread's: the graph goes on from an earlier checkpoint. */
  readonly fork: { readonly checkpointId: string } | undefined;
  /** The thread's newest checkpoint before it, of the graph itself or of a graph inside it. */
  readonly checkpoint: string;
  /**
   * Followers have to forget everything after `shown` and `fresh`. All messages that still hold are sent after
   * `RUN_STARTED`.
   */
  readonly resent: boolean;
  /** Tools and context that the client brought for the graph. */
  readonly offered: RunRequest["offered"];
  readonly steering: NonNullable<RunInput["steering"]>;
  readonly context: RunRequest["context"];
  readonly user: RunRequest["user"];
  readonly store: RunRequest["store"];
  readonly allowList: AllowList;
  readonly tokens: boolean;
  readonly reasoning: boolean;
  /** Milliseconds between two reports of how far it has come; `undefined`: none. */
  readonly progressMs: number | undefined;
  /** Write the graph topic too. */
  readonly graphTopic: boolean;
  readonly version: StreamVersion;
  /** Milliseconds that deltas may wait for neighbours now. */
  readonly coalesceMs: (() => number) | undefined;
  /** The identity that started it; absent where nobody signs in. */
  readonly principal: string | undefined;
  /** The counts of the run's agent. */
  readonly counts: AgentCounts;
  /** Counts limits that were reached, by the setting. */
  readonly limits: Tally;
  /** The position in the thread's topic before this run's entries; of a run that goes on, before those of this process. */
  readonly from: Cursor;
  /** The part of its limits that earlier processes have used. */
  readonly used: Used;
  /** Set when it goes on where another process left it between two steps. */
  readonly handedOver: Handover | undefined;
}

/** The messages of a run so far, and what is kept with them. */
export type Kept = readonly [messages: readonly Message[], beside: KeptBeside & { readonly soFar: SoFar }];

/** The things that a run needs of its thread. */
export interface RunThread {
  /** Stores the messages so far, and what is kept with them. */
  readonly keep: (...kept: Kept) => Promise<void>;
  /** The new messages of starts that wait for the thread. */
  readonly waiting: (messages: readonly Message[], removed: readonly Tombstone[]) => readonly Message[];
  /** Keeps the messages that are sent into the run. */
  readonly injected: InjectedMessages;
  /** Other processes may be sent messages for it. */
  readonly shared: boolean;
}

/** The things that all plans have in common. */
export interface PlanSurroundings {
  readonly version: StreamVersion;
  /** Milliseconds that deltas may wait for neighbours now. Absent: they never wait. */
  readonly coalesceMs?: (() => number) | undefined;
  readonly items: ItemStores;
  readonly counts: Counts;
}

/** The plan of a claimed run, from its thread and its input. */
export function planFor(
  agent: ServedAgent,
  claim: Claim,
  from: Cursor,
  messages: readonly Message[],
  run: RunInput,
  { version, coalesceMs, items, counts }: PlanSurroundings,
): RunPlan {
  const { graphInput, fork, offered, setting = { context: agent.context }, options, graphTopic, takenUp } = run;
  const { handedOver } = run;
  const { freshLength, again = {}, drafts = {}, callIds = {}, steering = {}, threadName = claim.threadId } = run;
  const { events, tokens = true, reasoning = true, progress = agent.progress } = options;
  // The messages that came with a run, and those it has sent, are history to the process that takes it over.
  const recovered = takenUp === true;
  const before = messages.length - (recovered ? 0 : freshLength);
  const shown = messages.slice(0, before);
  const history = shown.filter(({ id }) => !Object.hasOwn(again, id));
  // A run that brings answers goes on with the turn that asked; so does one that was taken up.
  const goesOn = graphInput.kind !== "messages";
  const ownFrom = goesOn ? history.findLastIndex(({ role }) => role === "user") + 1 : history.length;
  return {
    ...claim,
    threadName,
    agent,
    input: graphInput,
    answered: run.answered,
    history,
    shown,
    again,
    ownFrom: agent.followsState ? 0 : (handedOver?.ownFrom ?? ownFrom),
    drafts,
    callIds,
    followsState: agent.followsState,
    fresh: messages.slice(before),
    fork,
    checkpoint: run.newest ?? run.checkpoint,
    resent: !handedOver && (fork !== undefined || recovered),
    offered,
    steering,
    context: setting.context,
    user: setting.user,
    store:
      agent.store === "none"
        ? undefined
        : items.of(scopeOf({ agent: agent.name, shared: agent.store === "shared", principal: setting.principal })),
    allowList: agent.allowList.narrow(narrowingTo(events)),
    tokens: agent.tokens && tokens,
    reasoning: agent.reasoning && reasoning,
    progressMs: progressEvery(progress),
    graphTopic: agent.graphTopic || graphTopic,
    version,
    coalesceMs,
    principal: setting.principal,
    counts: counts.agent(agent.name),
    limits: counts.limits,
    from,
    used: run.used ?? NOTHING_USED,
    handedOver,
  };
}

export function translatorFor(plan: RunPlan): Translator {
  const { reasoningTags, nodes, stateKeys, subagents, maxEventBytes } = plan.agent;
  return createTranslator({
    ...plan,
    threadId: plan.threadName,
    reasoningTags,
    nodes,
    stateKeys,
    subagents,
    maxEventBytes,
    frontendTools: new Set(plan.offered.tools.map((tool) => tool.name)),
    carried: plan.handedOver?.translation,
  });
}

/** The request that drives its graph. */
export function requestOf(
  {
    agent,
    allowList,
    threadId,
    threadName,
    runId,
    input,
    fork,
    offered,
    steering,
    context,
    user,
    store,
    limits,
    used,
  }: RunPlan,
  fail: (error: unknown) => void,
): RunRequest {
  const checkpointId = fork?.checkpointId;
  const { name, stateKeys, offeredKeys } = agent;
  const configurable = { ...agent.configurable, ...steering.configurable };
  const outputLimits = outputLimitsOf(agent);
  const hooks = {
    onCut: agent.onCutAnswer === "error" ? () => fail(cutOff()) : undefined,
    outputLimits,
    outputBefore: used.output,
    onTooMuch: (limit: OutputLimit) => {
      limits.count(OUTPUT_SETTINGS[limit]);
      fail(tooMuchOutput(limit, outputLimits[limit]));
    },
  };
  const ids = { agent: name, threadId, threadName, runId };
  const given = { offered, offeredKeys, ...steering, configurable, context, user, store };
  const subagents = agent.subagents || allowList.bySubagent;
  return { ...ids, input, checkpointId, stateKeys, subagents, hooks, ...given };
}
