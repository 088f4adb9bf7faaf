/**
 * Two generations of AG-UI clients are in use. The log holds protocol 1.0. A client that announced no `protocolVersion`
 * belongs to the 0.0.x generation, and events that it cannot read are rewritten before they are sent.
 */
import { SENTENCES } from "./errors.ts";
import { type AguiEvent, type ContentPart, EventType, type Message } from "./events.ts";

/** Does this announced version understand protocol 1.0? */
export function speaksOne(protocolVersion: string | undefined): boolean {
  return protocolVersion !== undefined && Number.parseFloat(protocolVersion) >= 1;
}

const CHANGED: ReadonlySet<EventType> = new Set([
  EventType.RUN_STARTED,
  EventType.RUN_FINISHED,
  EventType.TOOL_CALL_RESULT,
  EventType.MESSAGES_SNAPSHOT,
  EventType.SUBAGENT_STARTED,
  EventType.SUBAGENT_FINISHED,
  EventType.SUBAGENT_ERROR,
]);

/**
 * May an event of this type have a shape that older clients cannot read? The check is cheap, because views need not
 * parse the event.
 */
export function mayNeedDowngrade(type: EventType): boolean {
  return CHANGED.has(type);
}

/**
 * `event` as a 0.0.x client can take it. The outcome `cancelled` and `pendingToolCallIds` are fatal to it, and so are
 * a tool result made of parts, a part that only names a file its provider keeps, and an event of a type that it does not
 * know.
 */
export function downgrade(event: AguiEvent): AguiEvent {
  switch (event.type) {
    case EventType.RUN_STARTED: {
      const { input } = event;
      if (!input?.messages.some(isNew)) return event;
      return { ...event, input: { ...input, messages: input.messages.map(olderMessage) } };
    }
    case EventType.MESSAGES_SNAPSHOT:
      return event.messages.some(isNew) ? { ...event, messages: event.messages.map(olderMessage) } : event;
    case EventType.RUN_FINISHED: {
      if (event.outcome?.type === "cancelled") {
        return { type: EventType.RUN_ERROR, message: SENTENCES.cancelled, code: "cancelled" };
      }
      if (event.outcome?.type !== "success") return event;
      const { outcome: _, ...rest } = event;
      return rest;
    }
    case EventType.TOOL_CALL_RESULT:
      return typeof event.content === "string" ? event : { ...event, content: textOf(event.content) };
    case EventType.SUBAGENT_STARTED:
    case EventType.SUBAGENT_FINISHED:
    case EventType.SUBAGENT_ERROR: {
      // One for one: a client that counts entries must not miss any.
      const { type: name, timestamp, ...value } = event;
      return { type: EventType.CUSTOM, name, value, ...(timestamp === undefined ? {} : { timestamp }) };
    }
    default:
      return event;
  }
}

function isNew(message: Message): boolean {
  if (message.role === "tool") return typeof message.content !== "string";
  return message.role === "user" && typeof message.content !== "string" && message.content.some(isKept);
}

function olderMessage(message: Message): Message {
  if (!isNew(message)) return message;
  if (message.role === "tool") return { ...message, content: textOf(message.content) };
  if (message.role !== "user" || typeof message.content === "string") return message;
  return { ...message, content: message.content.filter((part) => !isKept(part)) };
}

function isKept(part: ContentPart): boolean {
  return part.type !== "text" && part.source.type === "file";
}

function textOf(content: string | readonly ContentPart[]): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("\n");
}
