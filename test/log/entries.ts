/** Entries for logs under test. */
import type { LogEntry, NewEntry } from "../../src/log/log.ts";
import { EventType } from "../../src/protocol/events.ts";

export function entry(json: string): NewEntry {
  return { json, type: EventType.CUSTOM, runId: "r", span: undefined, edge: "point", provenance: undefined };
}

export function entries(...texts: string[]): NewEntry[] {
  return texts.map(entry);
}

/** `["1=a", "2=b"]`: offsets and texts. */
export function shown(read: readonly LogEntry[]): string[] {
  return read.map(({ offset, json }) => `${offset}=${json}`);
}
