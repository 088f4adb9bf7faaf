/** From messages to items and back: for a snapshot, and for a request that forks a thread at an earlier message. */
import type { Message } from "../../protocol/events.ts";
import { type Growing, type Item, reasoningItem, type ToolItem, textItem, toolItem } from "./items.ts";
import { contentText } from "./wording.ts";

/**
 * The messages as items. Those that are `known` keep what only the events said: how long they took. `unsent`: the ids of
 * user messages that the server does not have yet.
 */
export function itemsOf(
  messages: readonly Message[],
  known: ReadonlyMap<string, Item>,
  unsent: ReadonlySet<string> = new Set(),
): Item[] {
  const items: Item[] = [];
  const calls = new Map<string, ToolItem>();
  for (const message of messages) {
    switch (message.role) {
      case "user":
        items.push({ kind: "user", id: message.id, content: message.content });
        break;
      case "reasoning": {
        const item = kept(known, reasoningItem(message.id));
        set(item.body, message.content);
        items.push(item);
        break;
      }
      case "assistant": {
        if (message.content) {
          const item = kept(known, textItem(message.id));
          set(item.body, message.content);
          items.push(item);
        }
        for (const { id, function: called } of message.toolCalls ?? []) {
          const item = kept(known, toolItem(id, called.name, message.id));
          set(item.args, called.arguments);
          calls.set(id, item);
          items.push(item);
        }
        break;
      }
      case "tool": {
        const call = calls.get(message.toolCallId);
        if (!call) break;
        call.resultId.value = message.id;
        call.result.value = { content: contentText(message.content), error: message.error };
        break;
      }
      default: // Nobody says these to a person.
    }
  }
  return withOwn(items, known, unsent);
}

/** Items that only this page has stay below the item that they followed: ends of runs, answers, and unsent text. */
function withOwn(items: readonly Item[], known: ReadonlyMap<string, Item>, unsent: ReadonlySet<string>): Item[] {
  const before = [...known.values()];
  const isOwn = ({ kind, id }: Item) => kind === "end" || kind === "answered" || unsent.has(id);
  const ownFrom = (index: number) => {
    const end = before.findIndex((item, at) => at >= index && !isOwn(item));
    return before.slice(index, end < 0 ? undefined : end);
  };
  const below = items.flatMap((item) => {
    const index = before.findIndex(({ kind, id }) => kind === item.kind && id === item.id);
    return index < 0 ? [item] : [item, ...ownFrom(index + 1)];
  });
  return unsent.size > 0 ? [...ownFrom(0), ...below] : below;
}

function kept<I extends Item>(known: ReadonlyMap<string, Item>, fresh: I): I {
  return (known.get(`${fresh.kind}:${fresh.id}`) as I | undefined) ?? fresh;
}

function set(body: Growing, text: string): void {
  if (body.text !== text) {
    body.text = text;
    body.revision.value += 1;
  }
  body.done.value = true;
}

/** The history up to an item and with it, as AG-UI messages: what a client that forgot the rest would send. */
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
