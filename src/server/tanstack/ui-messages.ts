/** A thread's messages as TanStack AI's clients hold them: each with parts, and a call's result beside the call. Pure. */
import type { AssistantMessage, Message, ToolMessage } from "../../protocol/events.ts";

/** A message with its parts. */
export interface TanStackMessage {
  readonly id: string;
  readonly role: "system" | "user" | "assistant";
  readonly parts: readonly object[];
}

/** Converts a conversation. The reasoning before an answer becomes a part of the answer. Activities are left out. */
export function toTanStackMessages(messages: readonly Message[]): TanStackMessage[] {
  const results = new Map(
    messages.flatMap((message) => (message.role === "tool" ? [[message.toolCallId, message] as const] : [])),
  );
  let thoughts: object[] = [];
  return messages.flatMap((message): TanStackMessage[] => {
    switch (message.role) {
      case "user":
        return [{ id: message.id, role: "user", parts: contentParts(message.content) }];
      case "system":
      case "developer":
        return [{ id: message.id, role: "system", parts: contentParts(message.content) }];
      case "reasoning":
        thoughts.push({ type: "thinking", content: message.content });
        return [];
      case "assistant": {
        const parts = [...thoughts, ...answerParts(message, results)];
        thoughts = [];
        return [{ id: message.id, role: "assistant", parts }];
      }
      default:
        return [];
    }
  });
}

function contentParts(content: string | readonly object[]): readonly object[] {
  if (typeof content === "string") return [{ type: "text", content }];
  return content.map((part) =>
    "type" in part && part.type === "text" && "text" in part ? { type: "text", content: part.text } : part,
  );
}

function answerParts(
  { content, toolCalls = [] }: AssistantMessage,
  results: ReadonlyMap<string, ToolMessage>,
): readonly object[] {
  return [
    ...(content ? [{ type: "text", content }] : []),
    ...toolCalls.flatMap(({ id, function: { name, arguments: args } }) => {
      const result = results.get(id);
      const call = { type: "tool-call", id, name, arguments: args, state: result ? "complete" : "input-complete" };
      return result ? [call, resultPart(result)] : [call];
    }),
  ];
}

function resultPart({ toolCallId, content, error }: ToolMessage): object {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const end = error === undefined ? { state: "complete" } : { state: "error", error };
  return { type: "tool-result", toolCallId, content: text, ...end };
}
