/**
 * Everything it takes to begin a run. Its row keeps it while it is active, so that another process can begin it again.
 */
import type { GraphInput, RunRequest } from "../graph/source.ts";
import type { Interrupt } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import { offeredIn, parseRunOptions, type RunOptions } from "../protocol/input.ts";
import type { Steering } from "../protocol/steering.ts";
import type { ThreadRecord } from "../store/store.ts";
import type { Beginning } from "./beginning.ts";
import type { StartRequest } from "./handle.ts";
import type { Handover } from "./handover.ts";
import type { Setting } from "./setting.ts";
import type { Used } from "./so-far.ts";

/** Plain JSON. */
export interface RunInput {
  readonly graphInput: GraphInput;
  /** The checkpoint to go back to, for a fork. */
  readonly fork?: { readonly checkpointId: string };
  readonly offered: RunRequest["offered"];
  readonly setting: Setting;
  /** The ways in which the client steers the graph, as long as the run lasts. */
  readonly steering?: Pick<Steering, "configurable" | "metadata" | "interruptBefore" | "interruptAfter">;
  /** The client's id of the thread, where it is not the key. */
  readonly threadName?: string;
  /** The client's request. */
  readonly options: RunOptions;
  readonly graphTopic: boolean;
  readonly detached: boolean;
  /** The thread's last checkpoint when the run was begun. Another checkpoint shows that the graph went on. */
  readonly checkpoint: string;
  /**
   * The newest one then, of the graph itself or of a graph inside it. It is set for a run that goes on from there: any
   * other run begins with a checkpoint of its own.
   */
  readonly newest?: string;
  /**
   * The messages of nodes that are certain to run again, and their places. They are taken back when the graph's first
   * node begins.
   */
  readonly again?: Readonly<Record<string, string>>;
  /** The graph went on since the run was begun first. */
  readonly wentOn: boolean;
  /** The number of messages that came with it. */
  readonly freshLength: number;
  /** The interrupts that it answers. */
  readonly answered: readonly Interrupt[];
  /** The drafts of nodes that run again with it, and their places. */
  readonly drafts?: Readonly<Record<string, string>>;
  /** The ids that models gave to the thread's calls before it began. */
  readonly callIds?: CallIds;
  /** The number of processes that have begun the run. Processes that left it in an orderly shutdown do not count. */
  readonly attempt: number;
  /** Another process began it. */
  readonly takenUp?: boolean;
  /** The part of its limits that earlier processes have used. */
  readonly used?: Used;
  /** Another process left it between two steps of its graph. */
  readonly handedOver?: Handover;
}

/** @throws SluiceError `bad_request` when what the client asks of Sluice is not valid. */
export function runInput(
  { input, threadName, steering = {}, graphTopic = false, detached = false, background = false }: StartRequest,
  { input: graphInput, fork, fresh, callIds }: Beginning,
  setting: Setting,
  stands: Pick<RunInput, "checkpoint" | "newest">,
  thread: ThreadRecord | undefined,
): RunInput {
  const options = parseRunOptions(input);
  const { input: keys, command, context: _, ...lasting } = steering;
  return {
    graphInput: steered(graphInput, keys, command),
    ...(fork ? { fork } : {}),
    offered: offeredIn(input),
    setting,
    ...(Object.keys(lasting).length > 0 ? { steering: lasting } : {}),
    ...(threadName === undefined ? {} : { threadName }),
    options: background ? { ...options, background } : options,
    graphTopic,
    detached: detached || background || options.background === true,
    ...stands,
    wentOn: false,
    freshLength: fresh.length,
    answered: thread?.interrupts ?? [],
    ...(graphInput.kind === "messages" || !thread?.drafts ? {} : { drafts: thread.drafts }),
    ...(Object.keys(callIds).length > 0 ? { callIds } : {}),
    attempt: 1,
  };
}

/** Adds the client's keys and command to the input, once: a run that is taken up is not steered again. */
function steered(input: GraphInput, keys: Steering["input"], command: Steering["command"]): GraphInput {
  if (input.kind === "messages" && keys)
    return steered({ ...input, state: { ...input.state, ...keys } }, undefined, command);
  return command ? { ...input, command } : input;
}
