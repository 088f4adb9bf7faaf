/** A run's own events as entries of the log. */
import type { NewEntry } from "../log/log.ts";
import { type AguiEvent, isDelta, spanPosition } from "../protocol/events.ts";
import { wellFormed } from "../protocol/text.ts";

/** Deltas come by the thousand, in whole characters, and carry no time: the events around them do. */
export function stamped(event: AguiEvent): AguiEvent {
  return isDelta(event) ? event : { ...wellFormed(event), timestamp: Date.now() };
}

/** The entry of an event, `provenance` where a graph event caused it. */
export function entryOf(event: AguiEvent, runId: string, provenance?: NewEntry["provenance"]): NewEntry {
  return { json: JSON.stringify(event), type: event.type, runId, provenance, ...spanPosition(event) };
}
