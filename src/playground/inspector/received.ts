/** Compares the text that the page received with the text that the server keeps. This check needs no cursors. */
import type { AguiEvent, Message } from "../../protocol/events.ts";

/**
 * Returns the text of each message, thought and call by its id. A message that begins again replaces its earlier text.
 */
export function textsReceived(events: Iterable<AguiEvent>): Map<string, string> {
  const texts = new Map<string, string>();
  for (const event of events) {
    switch (event.type) {
      case "TEXT_MESSAGE_START":
      case "REASONING_MESSAGE_START":
        texts.set(event.messageId, "");
        break;
      case "TOOL_CALL_START":
        texts.set(event.toolCallId, "");
        break;
      case "TEXT_MESSAGE_CONTENT":
      case "REASONING_MESSAGE_CONTENT":
        append(texts, event.messageId, event.delta);
        break;
      case "TOOL_CALL_ARGS":
        append(texts, event.toolCallId, event.delta);
        break;
      default: // Has no text.
    }
  }
  return texts;
}

/** Appends only if the beginning was received. Otherwise the text cannot be compared. */
function append(texts: Map<string, string>, id: string, delta: string): void {
  const text = texts.get(id);
  if (text !== undefined) texts.set(id, text + delta);
}

export interface Comparison {
  readonly characters: number;
  /** The number of messages and calls that differ from the server's. */
  readonly different: number;
}

/** Compares the received messages with those that the server keeps. */
export function compared(received: ReadonlyMap<string, string>, messages: readonly Message[]): Comparison {
  const kept = new Map<string, string>();
  for (const message of messages) {
    if (typeof message.content === "string") kept.set(message.id, message.content);
    if (message.role !== "assistant") continue;
    for (const call of message.toolCalls ?? []) kept.set(call.id, call.function.arguments);
  }
  let characters = 0;
  let different = 0;
  for (const [id, text] of received) {
    characters += text.length;
    if ((kept.get(id) ?? "") !== text) different += 1;
  }
  return { characters, different };
}
