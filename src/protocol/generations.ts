/**
 * Two generations of AG-UI clients are alive. The log holds protocol 1.0; a client that announced no `protocolVersion`
 * is of the 0.0.x generation, and what kills it is rewritten at the edge.
 */
import { ERRORS } from "./errors.ts";
import { type AguiEvent, EventType } from "./events.ts";

/** Does this announced version understand protocol 1.0? */
export function speaksOne(protocolVersion: string | undefined): boolean {
  return protocolVersion !== undefined && Number.parseFloat(protocolVersion) >= 1;
}

/** Might an event of this type hold a shape the older generation cannot take? Cheap, so that views need not parse. */
export function mayNeedDowngrade(type: EventType): boolean {
  return type === EventType.RUN_FINISHED || type === EventType.TOOL_CALL_RESULT;
}

/**
 * `event` as a 0.0.x client can take it. The outcome `cancelled` and `pendingToolCallIds` are fatal to it, and so is
 * a tool result made of parts.
 */
export function downgrade(event: AguiEvent): AguiEvent {
  if (event.type === EventType.RUN_FINISHED && event.outcome?.type === "cancelled") {
    return { type: EventType.RUN_ERROR, message: ERRORS.cancelled.sentence, code: "cancelled" };
  }
  if (event.type === EventType.RUN_FINISHED && event.outcome?.type === "success") {
    const { outcome: _, ...rest } = event;
    return rest;
  }
  if (event.type === EventType.TOOL_CALL_RESULT && typeof event.content !== "string") {
    return { ...event, content: event.content.map((part) => (part.type === "text" ? part.text : "")).join("") };
  }
  return event;
}
