/** Assistants, threads, runs and states as LangGraph's API writes them. Pure. */
import type { ServedAgent } from "../../graph/registry.ts";
import type { Message } from "../../protocol/events.ts";
import type { Point } from "../../runs/points.ts";
import type { RunSummary, Snapshot } from "../../runs/threads.ts";
import type { VisibleThread } from "../../runs/visitor.ts";
import { adapterKeys } from "./adapter.ts";
import { type Checkpoint, checkpointAfter } from "./checkpoint.ts";
import { toInterrupts, valuesOf } from "./values.ts";

/** An agent. Its name is the id of its only assistant. */
export function toAssistant({ name, description }: ServedAgent): object {
  const never = new Date(0).toISOString();
  return {
    assistant_id: name,
    graph_id: name,
    name,
    description,
    version: 1,
    config: {},
    context: {},
    metadata: { created_by: "system" },
    created_at: never,
    updated_at: never,
  };
}

/** The graph as clients may know it: the names of its nodes are not shown. */
export function toDrawing({ name }: ServedAgent): object {
  const node = (id: string, type: string) => ({ id, type, data: type === "schema" ? id : { name: id, id: [id] } });
  return {
    nodes: [node("__start__", "schema"), node(name, "runnable"), node("__end__", "schema")],
    edges: [
      { source: "__start__", target: name },
      { source: name, target: "__end__" },
    ],
  };
}

/** The keys that clients may send and see, as JSON schemas. */
export function toSchemas(agent: ServedAgent): object {
  const { name, stateKeys, clientContext } = agent;
  const object = (keys: readonly string[], more: object = {}) => ({
    type: "object",
    properties: { ...more, ...Object.fromEntries(keys.map((key) => [key, {}])) },
  });
  const state = object(stateKeys, { messages: { type: "array", items: { type: "object" } } });
  return {
    graph_id: name,
    input_schema: { ...state, properties: { ...object(adapterKeys(agent)).properties, ...state.properties } },
    output_schema: state,
    state_schema: state,
    config_schema: object([]),
    context_schema: object(clientContext),
  };
}

/** The status of a thread in a list. */
export function toThreadStatus({ active, waiting }: VisibleThread): "busy" | "interrupted" | "idle" {
  if (active) return "busy";
  return waiting ? "interrupted" : "idle";
}

/** A thread with its values, where they are wanted. */
export function toThread(thread: VisibleThread, snapshot: Snapshot | undefined): object {
  const { threadId, agent, title, createdAt, updatedAt } = thread;
  return {
    thread_id: threadId,
    created_at: time(createdAt),
    updated_at: time(updatedAt),
    state_updated_at: time(updatedAt),
    metadata: { graph_id: agent, assistant_id: agent, title },
    status: toThreadStatus(thread),
    config: {},
    ...(snapshot ? { values: valuesOf(snapshot), interrupts: interruptsOf(snapshot) } : {}),
  };
}

/** The interrupts, by the task that asks: a thread has one task. */
function interruptsOf({ interrupts }: Snapshot): object {
  return interrupts.length > 0 ? { [TASK]: toInterrupts(interrupts) } : {};
}

/** A thread that a client made, and on which nothing ran yet. */
export function newThread(threadId: string, now: number): object {
  const made = time(now);
  return {
    thread_id: threadId,
    created_at: made,
    updated_at: made,
    state_updated_at: made,
    metadata: {},
    status: "idle",
    config: {},
    values: {},
    interrupts: {},
  };
}

/** The one task of a thread: the names of nodes are not shown. */
const TASK = "agent";

/** The state of a thread, as its clients know it. */
export interface ThreadState {
  readonly values: object;
  /** The task that is under way, asks or has failed. */
  readonly next: readonly string[];
  readonly tasks: readonly object[];
  /** `null`: nothing ran yet. */
  readonly checkpoint: Checkpoint | null;
  /** `null`: clients see no earlier state. */
  readonly parent_checkpoint: Checkpoint | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly created_at: string | null;
}

/**
 * The current state of a thread. Checkpoints of the graph hold prompts and hidden nodes, so the ids of checkpoints are
 * made from what clients were sent. `before`: the last point before it that clients see.
 */
export function toState(
  threadId: string,
  thread: VisibleThread | undefined,
  snapshot: Snapshot,
  before?: Point,
): ThreadState {
  const { messages, active } = snapshot;
  const known = thread !== undefined || messages.length > 0;
  const tasks = tasksOf(snapshot);
  return {
    values: known ? valuesOf(snapshot) : {},
    next: tasks.length > 0 || active ? [TASK] : [],
    tasks,
    checkpoint: known ? checkpointAfter(threadId, messages.at(-1)?.id) : null,
    parent_checkpoint: parentOf(threadId, before),
    metadata: metadataOf(thread, snapshot),
    created_at: thread ? time(thread.updatedAt) : null,
  };
}

/** A thread as it stood at an earlier point: these messages. The state's keys of that time are not kept. */
export function toEarlierState(
  threadId: string,
  thread: VisibleThread,
  messages: readonly Message[],
  { after, repeats }: Point,
  before: Point | undefined,
): ThreadState {
  return {
    values: valuesOf({ messages, state: undefined }),
    next: repeats ? [TASK] : [],
    tasks: [],
    checkpoint: checkpointAfter(threadId, after),
    parent_checkpoint: parentOf(threadId, before),
    metadata: metadataOf(thread),
    created_at: null,
  };
}

function parentOf(threadId: string, before: Point | undefined): Checkpoint | null {
  return before ? checkpointAfter(threadId, before.after) : null;
}

/** The task that asks, or the one that failed. */
function tasksOf({ interrupts, ending }: Snapshot): object[] {
  const terminal = ending?.terminal;
  const error =
    terminal?.type === "RUN_ERROR" ? JSON.stringify({ error: terminal.code, message: terminal.message }) : null;
  if (interrupts.length === 0 && error === null) return [];
  const asks = toInterrupts(interrupts);
  return [{ id: TASK, name: TASK, path: [], error, interrupts: asks, checkpoint: null, state: null, result: null }];
}

/** The metadata of a thread's state: of the current one with its last run, of an earlier one without a run. */
export function metadataOf(
  thread: VisibleThread | undefined,
  { active, ending }: Partial<Snapshot> = {},
): ThreadState["metadata"] {
  const run = active ?? ending;
  if (!thread) return {};
  return { graph_id: thread.agent, assistant_id: thread.agent, ...(run ? { run_id: run.runId } : {}) };
}

const STATUS = {
  admitted: "pending",
  active: "running",
  ending: "running",
  done: "success",
  interrupted: "success",
  cancelled: "interrupted",
  failed: "error",
} as const;

/** The statuses that a run can have in this API. */
export type LangGraphStatus = (typeof STATUS)[keyof typeof STATUS];

/**
 * A run whose end is stored counts as ended. The SDK asks right after a stream's end, and another process may answer:
 * if the run counted as running there, the SDK would join it again.
 */
export function toStatus({ status, outcome }: Pick<RunSummary, "status" | "outcome">): LangGraphStatus {
  return STATUS[(status === "ending" ? outcome : undefined) ?? status];
}

/** A run. */
export function toRun(threadId: string, run: RunSummary): object {
  const { runId, agent, startedAt } = run;
  return {
    run_id: runId,
    thread_id: threadId,
    assistant_id: agent,
    created_at: time(startedAt),
    updated_at: time(startedAt),
    status: toStatus(run),
    metadata: {},
    kwargs: {},
    multitask_strategy: null,
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
