/** What a run is made of, what it asks of its thread, and what it came to. */
import type { AllowList } from "../graph/allow-list.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { GraphInput, RunRequest, StreamVersion } from "../graph/source.ts";
import type { Fence } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { AguiEvent, Message } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Tombstone } from "../store/tombstones.ts";
import type { RunEnd } from "../translate/translator.ts";
import { cutOff, tooLargeArguments } from "./run-end.ts";

export interface RunPlan {
  readonly agent: ServedAgent;
  readonly threadId: string;
  readonly runId: string;
  readonly input: GraphInput;
  /** The messages that came with this run. */
  readonly fresh: readonly Message[];
  /** The thread's transcript before this run; of a fork, as far as it still holds. */
  readonly history: readonly Message[];
  /** The messages of `history` from this index on count as this run's own. */
  readonly ownFrom: number;
  /** Of these the ones that nodes said which run again: where they were said. */
  readonly drafts: Readonly<Record<string, string>>;
  /** Whatever the graph's state lets go of is taken back. */
  readonly followsState: boolean;
  /** Set when the client's history parts from the thread's: the graph goes on from an earlier checkpoint. */
  readonly fork: { readonly checkpointId: string } | undefined;
  /** Followers have to forget what came after `history` and `fresh`: all that holds is told behind `RUN_STARTED`. */
  readonly retold: boolean;
  /** What the client brought for the graph. */
  readonly offered: RunRequest["offered"];
  readonly context: RunRequest["context"];
  readonly store: RunRequest["store"];
  readonly allowList: AllowList;
  readonly tokens: boolean;
  readonly reasoning: boolean;
  /** Milliseconds between two reports of how far it has come; `undefined`: none. */
  readonly progressMs: number | undefined;
  /** Write the graph topic too. */
  readonly graphTopic: boolean;
  readonly version: StreamVersion;
  readonly fence: Fence;
  /** The position in the thread's topic before this run. */
  readonly from: Cursor;
}

/** What a run needs of its thread. */
export interface RunThread {
  /** Is given what was told so far, and taken back, whenever a node is through. */
  readonly keep: (messages: readonly Message[], removed: readonly Tombstone[]) => void;
  /** What those have said who wait for the thread, as far as it is news to it. */
  readonly waiting: (messages: readonly Message[], removed: readonly Tombstone[]) => readonly Message[];
}

export interface RunOutcome {
  readonly end: RunEnd;
  /** Closers and the terminal event: still to be written. */
  readonly closing: readonly AguiEvent[];
  /** The thread's transcript, this run included. */
  readonly messages: readonly Message[];
  /** What was taken back of it. */
  readonly removed: readonly Tombstone[];
  /** What nodes said that run again when the run's interrupts are answered. */
  readonly drafts: Readonly<Record<string, string>>;
  /** The exposed state; `undefined` when none was told. */
  readonly state: JsonValue | undefined;
  /** What went wrong, for the operator; clients get `end.error`. */
  readonly cause?: unknown;
}

/** What its graph is driven with. */
export function requestOf(
  { agent, threadId, runId, input, fork, offered, context, store }: RunPlan,
  fail: (error: unknown) => void,
): RunRequest {
  const checkpointId = fork?.checkpointId;
  const { name, stateKeys, configurable } = agent;
  const { maxToolArgumentBytes: maxArgumentBytes } = agent;
  const hooks = {
    onCut: agent.onCutAnswer === "error" ? () => fail(cutOff()) : undefined,
    maxArgumentBytes,
    onLargeArguments: () => fail(tooLargeArguments(maxArgumentBytes)),
  };
  return { agent: name, threadId, runId, input, checkpointId, offered, stateKeys, configurable, context, store, hooks };
}
