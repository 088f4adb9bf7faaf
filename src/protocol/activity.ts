/** An activity: a message with a payload that each frontend shows in its own way. */
import { type AguiEvent, EventType, type Message } from "./events.ts";

export type ActivityMessage = Extract<Message, { role: "activity" }>;

export type ActivityEvent = Extract<AguiEvent, { type: EventType.ACTIVITY_SNAPSHOT | EventType.ACTIVITY_DELTA }>;

/**
 * Returns the activity after an event, as AG-UI clients have it. `undefined`: the event changes no activity. `patched`
 * applies a JSON Patch: servers and browsers use different libraries for this.
 */
export function activityAfterPatch(
  known: Message | undefined,
  event: ActivityEvent,
  patched: (content: unknown, patch: ActivityPatch) => unknown,
): ActivityMessage | undefined {
  const { messageId: id, activityType, subagentRunId } = event;
  const before = known?.role === "activity" ? known : undefined;
  if (event.type === EventType.ACTIVITY_DELTA) {
    if (!before) return undefined;
    return { ...before, activityType, content: patched(before.content, event.patch) as ActivityMessage["content"] };
  }
  if (known && event.replace === false) return undefined;
  const owner = subagentRunId === undefined ? {} : { subagentRunId };
  return { id, role: "activity", activityType, content: structuredClone(event.content), ...owner };
}

type ActivityPatch = Extract<ActivityEvent, { type: EventType.ACTIVITY_DELTA }>["patch"];
