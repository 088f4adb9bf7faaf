/** The position of a graph's own memory of a thread. */
import { isRecord } from "../protocol/input.ts";
import type { ServedGraph } from "./source.ts";

/** A checkpoint that does not exist. A graph that continues from it begins again, on the same thread. */
export const NO_CHECKPOINT = "00000000-0000-0000-0000-000000000000";

/** The id of the thread's last checkpoint; `NO_CHECKPOINT` when the graph keeps none, or none yet. */
export async function latestCheckpoint(graph: ServedGraph, threadId: string): Promise<string> {
  const { checkpointer } = graph;
  if (knowsLatestId(checkpointer)) return (await checkpointer.latestId(threadId)) ?? NO_CHECKPOINT;
  // Other savers cannot return the id alone: LangGraph reads the whole state to get it.
  if (!checkpointer || !graph.getState) return NO_CHECKPOINT;
  const state: unknown = await graph.getState({ configurable: { thread_id: threadId } });
  const config = isRecord(state) && isRecord(state.config) ? state.config.configurable : undefined;
  const id = isRecord(config) ? config.checkpoint_id : undefined;
  return typeof id === "string" ? id : NO_CHECKPOINT;
}

/** The ids of the messages in a graph's state, under whatever keys. */
export async function messageIds(graph: ServedGraph, threadId: string): Promise<ReadonlySet<string>> {
  if (!graph.checkpointer || !graph.getState) return new Set();
  const state: unknown = await graph.getState({ configurable: { thread_id: threadId } });
  const values = isRecord(state) && isRecord(state.values) ? Object.values(state.values) : [];
  return new Set(
    values.flat().flatMap((one: unknown) => (isRecord(one) && typeof one.id === "string" ? [one.id] : [])),
  );
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

function isForgetful(checkpointer: unknown): checkpointer is { deleteThread(threadId: string): Promise<void> } {
  return isRecord(checkpointer) && typeof checkpointer.deleteThread === "function";
}
