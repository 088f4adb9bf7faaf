/** From items to messages: for a request that forks a thread at an earlier message. */
import type { Message } from "../../protocol/events.ts";
import type { Item } from "./items.ts";

/** Returns the history up to and including an item, as AG-UI messages. */
export function historyUntil(items: readonly Item[], last: string): Message[] {
  const end = items.findIndex((item) => item.id === last);
  const messages: Message[] = [];
  const results: Message[] = [];
  let assistant: Extract<Message, { role: "assistant" }> | undefined;
  const finish = () => {
    if (assistant) messages.push(assistant);
    messages.push(...results.splice(0));
    assistant = undefined;
  };
  for (const item of items.slice(0, end + 1)) {
    if (item.kind === "user") {
      finish();
      messages.push({ id: item.id, role: "user", content: item.content as string });
    } else if (item.kind === "text") {
      if (assistant?.id !== item.id) finish();
      assistant = { ...(assistant ?? { id: item.id, role: "assistant" }), content: item.body.text };
    } else if (item.kind === "tool") {
      const id = item.parentId ?? item.id;
      if (assistant?.id !== id) finish();
      const call = { id: item.id, type: "function" as const, function: { name: item.name, arguments: item.args.text } };
      assistant = { ...(assistant ?? { id, role: "assistant" }), toolCalls: [...(assistant?.toolCalls ?? []), call] };
      const [result, resultId] = [item.result.value, item.resultId.value];
      if (result && resultId)
        results.push({ id: resultId, role: "tool", toolCallId: item.id, content: result.content });
    }
  }
  finish();
  return messages;
}
