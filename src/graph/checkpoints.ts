/** The position of a graph's own memory of a thread. */
import { taskIds } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import type { ServedGraph } from "./source.ts";

/** A checkpoint that does not exist. A graph that continues from it begins again, on the same thread. */
export const NO_CHECKPOINT = "00000000-0000-0000-0000-000000000000";

/** The id of the thread's last checkpoint; `NO_CHECKPOINT` when the graph keeps none, or none yet. */
export async function latestCheckpoint(graph: ServedGraph, threadId: string): Promise<string> {
  const { checkpointer } = graph;
  if (knowsLatestId(checkpointer)) return (await checkpointer.latestId(threadId)) ?? NO_CHECKPOINT;
  // Other savers cannot return the id alone: LangGraph reads the whole state to get it.
  const state = await stateOf(graph, threadId);
  const config = isRecord(state.config) ? state.config.configurable : undefined;
  const id = isRecord(config) ? config.checkpoint_id : undefined;
  return typeof id === "string" ? id : NO_CHECKPOINT;
}

/**
 * The id of the thread's newest checkpoint, of the graph itself or of a graph inside it. Where the checkpointer cannot
 * tell, the last one of the graph itself.
 */
export async function newestCheckpoint(graph: ServedGraph, threadId: string): Promise<string> {
  const { checkpointer } = graph;
  if (!knowsResults(checkpointer)) return latestCheckpoint(graph, threadId);
  return (await checkpointer.newestId(threadId)) ?? NO_CHECKPOINT;
}

/**
 * Returns those of these places whose nodes the graph is certain to execute again. The places were noted while
 * `checkpoint` was the newest one of the thread, of the graph itself or of a graph inside it. `undefined`: its
 * checkpointer cannot tell.
 */
export async function runAgain(
  graph: ServedGraph,
  threadId: string,
  checkpoint: string,
  places: Iterable<string>,
): Promise<ReadonlySet<string> | undefined> {
  const { checkpointer } = graph;
  if (!checkpointer) return new Set(places);
  if (!knowsResults(checkpointer)) return undefined;
  // A step that is over does not run again, although a node leaves no result if it writes only to untracked channels.
  if ((await checkpointer.newestId(threadId)) !== checkpoint) return new Set();
  const pending = await pendingTasks(graph, threadId);
  const again = new Set<string>();
  for (const place of new Set(places)) if (await isCertain(checkpointer, threadId, pending, place)) again.add(place);
  return again;
}

async function isCertain(
  checkpointer: KnowsResults,
  threadId: string,
  pending: ReadonlySet<string>,
  place: string,
): Promise<boolean> {
  const tasks = taskIds(place);
  // The place of a graph that a node calls apart from its own graph does not name this node, which may have a result.
  if (!pending.has(tasks[0] ?? "")) return false;
  for (const taskId of tasks) if (await checkpointer.hasResult(threadId, taskId)) return false;
  return true;
}

/** The ids of the tasks of the step that the graph itself takes next. */
async function pendingTasks(graph: ServedGraph, threadId: string): Promise<ReadonlySet<string>> {
  const { tasks } = await stateOf(graph, threadId);
  const pending: readonly unknown[] = Array.isArray(tasks) ? tasks : [];
  return new Set(pending.flatMap((task) => (isRecord(task) && typeof task.id === "string" ? [task.id] : [])));
}

/** Has the graph stopped before a task? Without input it goes on with that task. */
export async function isMidway(graph: ServedGraph, threadId: string): Promise<boolean> {
  const { next } = await stateOf(graph, threadId);
  return Array.isArray(next) && next.length > 0;
}

/** The ids of the messages in a graph's state, under whatever keys. */
export async function messageIds(graph: ServedGraph, threadId: string): Promise<ReadonlySet<string>> {
  const state = await stateOf(graph, threadId);
  const values = isRecord(state.values) ? Object.values(state.values) : [];
  return new Set(
    values.flat().flatMap((one: unknown) => (isRecord(one) && typeof one.id === "string" ? [one.id] : [])),
  );
}

/** The state of a thread; empty where the graph keeps none. */
async function stateOf(graph: ServedGraph, threadId: string): Promise<Readonly<Record<string, unknown>>> {
  if (!graph.checkpointer || !graph.getState) return {};
  const state: unknown = await graph.getState({ configurable: { thread_id: threadId } });
  return isRecord(state) ? state : {};
}

/** Makes the graph forget a thread, if it remembers any. */
export async function forgetThread({ checkpointer }: ServedGraph, threadId: string): Promise<void> {
  if (isForgetful(checkpointer)) await checkpointer.deleteThread(threadId);
}

function knowsLatestId(
  checkpointer: unknown,
): checkpointer is { latestId(threadId: string): Promise<string | undefined> } {
  return isRecord(checkpointer) && typeof checkpointer.latestId === "function";
}

interface KnowsResults {
  newestId(threadId: string): Promise<string | undefined>;
  hasResult(threadId: string, taskId: string): Promise<boolean>;
}

function knowsResults(checkpointer: unknown): checkpointer is KnowsResults {
  return isRecord(checkpointer) && typeof checkpointer.hasResult === "function";
}

function isForgetful(checkpointer: unknown): checkpointer is { deleteThread(threadId: string): Promise<void> } {
  return isRecord(checkpointer) && typeof checkpointer.deleteThread === "function";
}
