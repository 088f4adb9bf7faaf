/** What it takes to begin a run. Its row keeps it while it is active, so that another process can begin it again. */
import type { ServedAgent } from "../graph/registry.ts";
import type { GraphInput, RunRequest, StreamVersion } from "../graph/source.ts";
import type { Fence } from "../log/log.ts";
import type { Interrupt, Message } from "../protocol/events.ts";
import { narrowingTo, offeredIn, parseRunOptions, type RunOptions } from "../protocol/input.ts";
import { type ItemStores, scopeOf } from "../store/items.ts";
import type { RunRecord, ThreadRecord } from "../store/store.ts";
import type { Beginning } from "./admission.ts";
import type { StartRequest } from "./handle.ts";
import { progressEvery } from "./progress.ts";
import type { RunPlan } from "./run-plan.ts";
import type { Setting } from "./setting.ts";

/** Plain JSON. */
export interface RunInput {
  readonly graphInput: GraphInput;
  /** The checkpoint to go back to, for a fork. */
  readonly fork?: { readonly checkpointId: string };
  readonly offered: RunRequest["offered"];
  readonly setting: Setting;
  /** What the client asked of Sluice. */
  readonly options: RunOptions;
  readonly graphTopic: boolean;
  readonly detached: boolean;
  /** The thread's last checkpoint as it was begun: another one shows that the graph went on. */
  readonly checkpoint: string;
  /** The graph went on since the run was begun first. */
  readonly wentOn: boolean;
  /** How many messages came with it. */
  readonly freshLength: number;
  /** The interrupts that it answers. */
  readonly answered: readonly Interrupt[];
  /** What nodes said that run again with it, and where. */
  readonly drafts?: Readonly<Record<string, string>>;
  /** How many processes have begun it. */
  readonly attempt: number;
}

/** @throws SluiceError `bad_request` when what the client asks of Sluice is not valid. */
export function runInput(
  { input, graphTopic = false, detached = false }: StartRequest,
  { input: graphInput, fork, fresh }: Beginning,
  setting: Setting,
  checkpoint: string,
  thread: ThreadRecord | undefined,
): RunInput {
  return {
    graphInput,
    ...(fork ? { fork } : {}),
    offered: offeredIn(input),
    setting,
    options: parseRunOptions(input),
    graphTopic,
    detached,
    checkpoint,
    wentOn: false,
    freshLength: fresh.length,
    answered: thread?.interrupts ?? [],
    ...(graphInput.kind === "messages" || !thread?.drafts ? {} : { drafts: thread.drafts }),
    attempt: 1,
  };
}

/** How a run goes, from its row and what it began with. */
export function planFor(
  agent: ServedAgent,
  { threadId, runId, from }: RunRecord,
  messages: readonly Message[],
  run: RunInput,
  { version, fence, items }: { version: StreamVersion; fence: Fence; items: ItemStores },
): RunPlan {
  const { graphInput, fork, offered, setting = { context: agent.context }, options, graphTopic, attempt } = run;
  const { freshLength, drafts = {} } = run;
  const { events, tokens = true, reasoning = true, progress = agent.progress } = options;
  // What came with a run, and what it told already, is history to the process that takes it over.
  const recovered = attempt > 1;
  const before = messages.length - (recovered ? 0 : freshLength);
  const history = messages.slice(0, before);
  // A run that brings answers goes on with the turn that asked; so does one that was taken up.
  const goesOn = graphInput.kind !== "messages";
  const ownFrom = goesOn ? history.findLastIndex(({ role }) => role === "user") + 1 : history.length;
  return {
    agent,
    threadId,
    runId,
    input: graphInput,
    history,
    ownFrom: agent.followsState ? 0 : ownFrom,
    drafts,
    followsState: agent.followsState,
    fresh: messages.slice(before),
    fork,
    retold: fork !== undefined || recovered,
    offered,
    context: setting.context,
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
    fence,
    from,
  };
}
