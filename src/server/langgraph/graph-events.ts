/**
 * The mode `events` of LangGraph's API: LangChain's v2 events of nodes, a model's pieces, tools and custom events, made
 * again from the events that clients may see. Pure.
 */
import type { LangGraphFrame } from "./projection.ts";

type Name =
  | "on_chain_start"
  | "on_chain_end"
  | "on_chat_model_stream"
  | "on_chat_model_end"
  | "on_tool_end"
  | "on_custom_event";

export function graphEvent(event: Name, name: string, data: unknown, metadata: object): LangGraphFrame {
  return { event: "events", data: { event, name, tags: [], ...idOf(metadata), parent_ids: [], metadata, data } };
}

function idOf(metadata: object): object {
  return "run_id" in metadata ? { run_id: metadata.run_id } : {};
}

/** A step's name is the path to its node, with a number where a node runs several times at once. */
export function nodeOf(stepName: string): string {
  return stepName.replace(/#\d+$/, "").split("/").at(-1) ?? stepName;
}
