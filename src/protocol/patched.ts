/** The exposed state and the activities, as clients of AG-UI hold them after an event. */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type ActivityEvent, type ActivityMessage, activityAfterPatch } from "./activity.ts";
import { type AguiEvent, EventType, type Message } from "./events.ts";
import type { JsonValue } from "./json.ts";

type StateEvent = Extract<AguiEvent, { type: EventType.STATE_SNAPSHOT | EventType.STATE_DELTA }>;

/** @throws Error when a patch does not fit. */
export function stateAfter(state: JsonValue | undefined, event: StateEvent): JsonValue | undefined {
  if (event.type === EventType.STATE_SNAPSHOT) return event.snapshot as JsonValue;
  return jsonPatch.applyPatch(state, event.delta as Operation[], false, false).newDocument;
}

/**
 * The activity after an event about it. `undefined`: the event changes no activity.
 * @throws Error when a patch does not fit.
 */
export function activityAfter(known: Message | undefined, event: ActivityEvent): ActivityMessage | undefined {
  const patched = (content: unknown, patch: unknown[]) =>
    jsonPatch.applyPatch(content, patch as Operation[], true, false).newDocument;
  return activityAfterPatch(known, event, patched);
}
