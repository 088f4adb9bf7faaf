/** Splits deltas: no event is larger than its limit, however much a model sends at once. */
import { type AguiEvent, type DeltaEvent, isDelta } from "./events.ts";
import { jsonBytes, splitText } from "./text.ts";

/** The most bytes of JSON that a UTF-16 unit takes: an escape of six characters. */
const UNIT_BYTES = 6;

/** Returns the events, with each delta of more than `maxBytes` of JSON split into several. */
export function inPieces(events: readonly AguiEvent[], maxBytes: number): readonly AguiEvent[] {
  if (!events.some((event) => isLarge(event, maxBytes))) return events;
  return events.flatMap((event): AguiEvent[] =>
    isLarge(event, maxBytes) ? splitText(event.delta, maxBytes).map((delta) => ({ ...event, delta })) : [event],
  );
}

/** Is this a delta that has to be sent in pieces? */
export function isLarge(event: AguiEvent, maxBytes: number): event is DeltaEvent {
  if (!isDelta(event) || event.delta.length * UNIT_BYTES <= maxBytes) return false;
  return jsonBytes(event.delta, maxBytes) > maxBytes;
}
