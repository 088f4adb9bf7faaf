/** What a run puts into the log: events and frames with what caused them. */
import type { NewEntry, Provenance } from "../log/log.ts";
import { type AguiEvent, isDelta, mergeDeltas } from "../protocol/events.ts";
import { wellFormed } from "../protocol/text.ts";
import type { Correction } from "../translate/sent-messages.ts";

/** An event on its way to the log, with what caused it. */
export interface Told {
  readonly event: AguiEvent;
  /** What a snapshot corrects. Its messages are those of the transcript as it is when it is written. */
  readonly correction?: Correction;
  readonly provenance: Provenance | undefined;
}

/** An admitted graph event, serialized; the frame that ends the run has no provenance. */
export interface GraphTold {
  readonly json: string;
  readonly provenance: Provenance | undefined;
}

export function merge(a: Told, b: Told): Told | undefined {
  const event = mergeDeltas(a.event, b.event);
  return event && { event, provenance: a.provenance };
}

/** Deltas come by the thousand, in whole characters, and carry no time: the events around them do. */
export function stamped(event: AguiEvent): AguiEvent {
  return isDelta(event) ? event : { ...wellFormed(event), timestamp: Date.now() };
}

export function graphEntry({ json, provenance }: GraphTold, runId: string): NewEntry {
  return { json, type: provenance ? "GRAPH" : "GRAPH_END", runId, span: undefined, edge: "point", provenance };
}
