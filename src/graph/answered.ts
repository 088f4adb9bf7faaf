/**
 * A conversation as a model's provider accepts it: each message with calls is followed by a result for each of them.
 */
import type { Message, ToolCall } from "../protocol/events.ts";

type Result = Extract<Message, { role: "tool" }>;

/**
 * The result that a model reads for a call without one: the user sent another message instead, for example, or the
 * output was only parsed.
 */
export const NO_RESULT = "There is no result.";

/**
 * Providers refuse a call that no result follows, and a result that does not directly follow its call: results are
 * moved to their calls, and a call without one gets one. If a call has several results, the last one is kept.
 */
export function answered(messages: readonly Message[]): Message[] {
  const made = new Map<string, number>();
  for (const message of messages) for (const { id } of callsOf(message)) made.set(id, (made.get(id) ?? 0) + 1);
  const results = new Map<string, Result[]>();
  for (const message of messages) {
    if (message.role !== "tool" || !made.has(message.toolCallId)) continue;
    const known = results.get(message.toolCallId);
    if (known) known.push(message);
    else results.set(message.toolCallId, [message]);
  }
  const resultOf = ({ id }: ToolCall): Result => {
    const waiting = results.get(id) ?? [];
    // A thread of an earlier version may have an id twice: its calls were answered in their order.
    const left = (made.get(id) ?? 0) - 1;
    made.set(id, left);
    const found = left === 0 ? waiting.at(-1) : waiting.shift();
    return found ?? { id: `result-${id}`, role: "tool", toolCallId: id, content: NO_RESULT };
  };
  return messages.flatMap((message) => {
    if (message.role === "tool" && results.has(message.toolCallId)) return [];
    return [message, ...callsOf(message).map(resultOf)];
  });
}

function callsOf(message: Message): readonly ToolCall[] {
  return message.role === "assistant" ? (message.toolCalls ?? []) : [];
}
