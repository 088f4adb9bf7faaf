/** Events as text: to read, to copy and to save. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Received } from "../transport/transport.ts";

/** The bounds for the details pane. Copying gives the whole event. */
const LONGEST_TEXT = 2_000;
const MOST_ITEMS = 100;
const LONGEST = 50_000;

/** Returns indented JSON. Long texts and lists are cut, with a note of how much is missing. */
export function readable(event: AguiEvent): string {
  const text = JSON.stringify(event, (_, value: unknown) => shortened(value), 2);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${more(text.length - LONGEST, "characters")}` : text;
}

function shortened(value: unknown): unknown {
  if (typeof value === "string" && value.length > LONGEST_TEXT) {
    return `${value.slice(0, LONGEST_TEXT)}… ${more(value.length - LONGEST_TEXT, "characters")}`;
  }
  if (Array.isArray(value) && value.length > MOST_ITEMS) {
    return [...value.slice(0, MOST_ITEMS), `… ${more(value.length - MOST_ITEMS, "items")}`];
  }
  return value;
}

function more(count: number, of: string): string {
  return `(${count.toLocaleString("en")} more ${of})`;
}

/**
 * Returns one event per line: when it arrived (milliseconds since 1970), its cursor or `null`, the bytes of its
 * message, the number of log entries that it covers, whether it was replayed, and the event itself.
 */
export function jsonLines(received: Iterable<Received>, timeOrigin: number): string {
  let text = "";
  for (const { at, cursor = null, bytes, entries, replayed, event } of received) {
    text += `${JSON.stringify({ at: timeOrigin + at, cursor, bytes, entries, replayed, event })}\n`;
  }
  return text;
}
