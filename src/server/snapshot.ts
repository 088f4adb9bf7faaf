/**
 * Turns the messages of a thread into events for a new reader. Their size is limited, because a snapshot is one frame.
 */
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";

/** The most bytes of messages in one snapshot. The last turn is always whole. */
export const SNAPSHOT_MAX_BYTES = 8 * 1024 * 1024;

/** A snapshot. It leaves out the oldest turns if all of them are too much, and an event after it says so. */
export function snapshotOf(messages: readonly Message[], maxBytes = SNAPSHOT_MAX_BYTES): AguiEvent[] {
  const omitted = beforeTheKept(messages, maxBytes);
  return [
    { type: EventType.MESSAGES_SNAPSHOT, messages: messages.slice(omitted) },
    ...(omitted > 0 ? [{ type: EventType.CUSTOM as const, name: "sluice.omitted", value: { messages: omitted } }] : []),
  ];
}

/**
 * The number of messages at the beginning that are left out. A turn begins with a user's message, and stays in one
 * piece.
 */
function beforeTheKept(messages: readonly Message[], maxBytes: number): number {
  let bytes = 0;
  let kept = messages.length;
  for (const [index, message] of [...messages.entries()].reverse()) {
    bytes += Buffer.byteLength(JSON.stringify(message));
    if (bytes > maxBytes && kept < messages.length) return kept;
    if (message.role === "user") kept = index;
  }
  return 0;
}
