/**
 * Events in short: `[number, position, event]`, or `[number, position, event, n]`. The `ack` gave the topic its number.
 * The position is an offset in the epoch of the last event that had one. It is a whole cursor as text if the epoch is
 * new or the offset is 0, and 0 for an event without a position.
 */
import { type Cursor, formatCursor } from "./cursor.ts";
import type { AguiEvent } from "./events.ts";

export type ShortFrame = readonly [number: number, position: number | string, data: AguiEvent, n?: number];

/** Puts the events of one subscription into short frames, around JSON that was made before. */
export function shortEncoder(number: number): (cursor: Cursor | undefined, count: number, json: string) => string {
  let epoch: string | undefined;
  return (cursor, count, json) => {
    let position = "0";
    if (cursor)
      position = cursor.epoch === epoch && cursor.offset > 0 ? `${cursor.offset}` : `"${formatCursor(cursor)}"`;
    epoch = cursor?.epoch ?? epoch;
    return `[${number},${position},${json}${count > 1 ? `,${count}` : ""}]`;
  };
}
