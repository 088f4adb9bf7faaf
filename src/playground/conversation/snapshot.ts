/** The items of a snapshot. */
import type { Message } from "../../protocol/events.ts";
import { type Growing, type Item, reasoningItem, type ToolItem, textItem, toolItem } from "./items.ts";
import { contentText } from "./wording.ts";

/**
 * Returns the messages as items. Items in `known` keep their times, which only events carry. `unsent`: the ids of user
 * messages that the server does not have yet.
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
      default: // Messages of the other roles are not shown.
    }
  }
  return withOwn(items, known, unsent);
}

/**
 * Inserts the items that only this page has below the item that they followed: ends of runs, answers, and unsent
 * messages.
 */
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
