/** Values that events replace or patch, as clients of AG-UI hold them afterwards: the state, and activities. */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type AguiEvent, EventType, type Message } from "./events.ts";
import type { JsonValue } from "./json.ts";

type StateEvent = Extract<AguiEvent, { type: EventType.STATE_SNAPSHOT | EventType.STATE_DELTA }>;

/** @throws Error when a patch leads nowhere. */
export function stateAfter(state: JsonValue | undefined, event: StateEvent): JsonValue | undefined {
  if (event.type === EventType.STATE_SNAPSHOT) return event.snapshot as JsonValue;
  return jsonPatch.applyPatch(state, event.delta as Operation[], false, false).newDocument;
}

/** A message with a payload that each frontend shows in its own way. */
export type ActivityMessage = Extract<Message, { role: "activity" }>;

export type ActivityEvent = Extract<AguiEvent, { type: EventType.ACTIVITY_SNAPSHOT | EventType.ACTIVITY_DELTA }>;

/**
 * The activity after an event about it, as clients of AG-UI hold it then. `undefined`: the event changes no activity.
 * @throws Error when a patch does not fit.
 */
export function activityAfter(known: Message | undefined, event: ActivityEvent): ActivityMessage | undefined {
  const { messageId: id, activityType, subagentRunId } = event;
  const before = known?.role === "activity" ? known : undefined;
  if (event.type === EventType.ACTIVITY_DELTA) {
    if (!before) return undefined;
    const { newDocument } = jsonPatch.applyPatch(before.content, event.patch as Operation[], true, false);
    return { ...before, activityType, content: newDocument };
  }
  if (known && event.replace === false) return undefined;
  const owner = subagentRunId === undefined ? {} : { subagentRunId };
  return { id, role: "activity", activityType, content: structuredClone(event.content), ...owner };
}
