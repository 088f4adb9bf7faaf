/** A run's own events as entries of the log. */
import type { NewEntry } from "../log/log.ts";
import { type AguiEvent, continues, isDelta, type SpanPosition, spanPosition } from "../protocol/events.ts";
import { wellFormed } from "../protocol/text.ts";

/** Deltas come by the thousand, in whole characters, and carry no time: the events around them do. */
export function stamped(event: AguiEvent): AguiEvent {
  return isDelta(event) ? event : { ...wellFormed(event), timestamp: Date.now() };
}

/** The entry of an event, `provenance` where a graph event caused it. */
export function entryOf(
  event: AguiEvent,
  runId: string,
  provenance?: NewEntry["provenance"],
  position = spanPosition(event),
): NewEntry {
  const { span, edge } = position;
  return { json: JSON.stringify(event), type: event.type, runId, span, edge, provenance };
}

/** The deltas of a span come one after the other, and share one position for as long as the log holds them. */
export function sharedPosition(): (event: AguiEvent) => SpanPosition {
  let last: { readonly event: AguiEvent; readonly position: SpanPosition } | undefined;
  return (event) => {
    if (!last || !continues(last.event, event)) last = { event, position: spanPosition(event) };
    return last.position;
  };
}
