/** The fields that start a run, and those that find it again. */
import type { IncomingMessage } from "node:http";
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { RunAgentInput } from "../protocol/events.ts";
import { graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Steering } from "../protocol/steering.ts";
import type { BegunRun } from "../store/store.ts";
import type { Return } from "./points.ts";

/** The facts about the client that asks for a run. */
export interface Requester {
  /** The request that brought the run, or opened its socket. None for a run that the app starts itself. */
  readonly request?: IncomingMessage | undefined;
  /** The key of the principal that is signed in: no two principals have the same. */
  readonly principal?: string | undefined;
  /** The facts about it for graphs and traces. */
  readonly user?: User | undefined;
}

/** Graphs find it in `config.configurable.user`. */
export interface User {
  /** The id that the issuer gave the user. */
  readonly id: string;
  /** The claims that were allowed by name. */
  readonly claims: Readonly<Record<string, JsonValue>>;
}

export interface StartRequest {
  /** The agent's name; the first agent when absent. */
  readonly agent: string | undefined;
  /** `threadId` is the thread's key. */
  readonly input: RunAgentInput;
  /** The client's id of the thread, where it is not the key. */
  readonly threadName?: string | undefined;
  readonly requester?: Requester;
  /** The starter wants the graph topic written. */
  readonly graphTopic?: boolean;
  /** The starter can come back and read on: the run goes on alone for longer. */
  readonly detached?: boolean;
  /** The run needs no reader, as if `forwardedProps.sluice.background` said so. */
  readonly background?: boolean;
  /** A process that takes the run over deletes its thread after it. The starter does so with `deleteAfter`. */
  readonly temporary?: boolean;
  /** The treatment of this start on a busy thread, where it is not the agent's. */
  readonly whenBusy?: ServedAgent["whenBusy"] | undefined;
  /** The ways in which the client steers the graph: those that the agent accepts. */
  readonly steering?: Steering;
  /** The point that the run goes back to: everything after it is undone. */
  readonly goesBackTo?: Return | undefined;
  /** The run has no input. It goes on where the thread's last run failed. */
  readonly goesOn?: boolean;
  /** Aborts when the starter is gone: a start that still waits for its thread is dropped. */
  readonly signal?: AbortSignal;
}

/** The run's place in the log. */
export interface RunHandle {
  readonly agent: ServedAgent;
  readonly threadId: string;
  readonly runId: string;
  readonly topic: Topic;
  /** The position before the run's `RUN_STARTED`. */
  readonly from: Cursor;
  /** The run had ended before the request. The handle attaches to its stored events. */
  readonly over: boolean;
  /** The position before the run in the graph topic. */
  readonly graphFrom: Cursor;
}

/** The handle of a run that this process does not drive, from its row. */
export async function handleOf(agent: ServedAgent, run: BegunRun, over: boolean, log: EventLog): Promise<RunHandle> {
  const { threadId, runId, from } = run;
  const graphFrom = (over ? undefined : run.graphFrom) ?? (await log.open(graphTopic(threadId)));
  return { agent, threadId, runId, topic: threadTopic(threadId), from, over, graphFrom };
}
