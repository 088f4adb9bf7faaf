/** A history that every provider accepts. */
import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";

/**
 * The history as providers accept it: every tool call is followed at once by its one result.
 *
 * A call lacks its result if the user goes on without answering, a run is stopped while a tool works, or the result
 * arrives late. Then providers refuse the whole conversation. Here a call without a result gets a short one that says
 * so, a late result moves to its call, and a result without a call is left out. Send the returned history to the model,
 * but do not store it: the state keeps the real history.
 */
export function completeHistory(messages: readonly BaseMessage[]): BaseMessage[] {
  // The loop runs from the end, so that a result goes to the nearest call before it: some models use the same ids in
  // every turn.
  const results = new Map<string, ToolMessage>();
  const complete: BaseMessage[] = [];
  for (const message of messages.toReversed()) {
    if (ToolMessage.isInstance(message)) {
      results.set(message.tool_call_id, message);
      continue;
    }
    const calls = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
    for (const { id = "", name } of calls.toReversed()) {
      complete.push(results.get(id) ?? noResult(id, name));
      results.delete(id);
    }
    complete.push(message);
  }
  return complete.reverse();
}

function noResult(tool_call_id: string, name: string): ToolMessage {
  return new ToolMessage({ tool_call_id, name, content: "No result came: the conversation went on without it." });
}
