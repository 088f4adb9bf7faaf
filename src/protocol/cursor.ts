import { SluiceError } from "./errors.ts";

/**
 * A position in a topic: `epoch:offset`. Offsets are dense and start at 1. After a log was lost, an offset alone would
 * be wrong: offset 17 of the new log is not the same event as offset 17 of the old log. So each log has an epoch, and a
 * cursor of another epoch is answered with a gap.
 */
export interface Cursor {
  /** 1 to 32 letters and digits. */
  readonly epoch: string;
  /** The offset of the last entry that was seen; 0 stands before the first. */
  readonly offset: number;
}

/** A number that grows with each owner of a run: a write of an earlier owner changes nothing. */
export type Fence = number;

/**
 * The cursor in `text`.
 * @throws SluiceError `bad_request` that names `field`.
 */
export function cursorOf(field: string, text: string): Cursor {
  const cursor = parseCursor(text);
  if (cursor) return cursor;
  throw new SluiceError("bad_request", `${field} must be the id of an event, like k3v9:17.`);
}

/** Do both name the same position? */
export function isAt(a: Cursor, b: Cursor | undefined): boolean {
  return a.epoch === b?.epoch && a.offset === b.offset;
}

export function formatCursor(cursor: Cursor): string {
  return `${cursor.epoch}:${cursor.offset}`;
}

/** Reads the cursor in `text`. Returns `undefined` if `text` is not a cursor. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^([A-Za-z0-9]{1,32}):(\d{1,15})$/.exec(text);
  return match?.[1] && match[2] ? { epoch: match[1], offset: Number(match[2]) } : undefined;
}
