/** Events as text: to read, to copy and to save. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Received } from "../transport/transport.ts";

/** The most that a details pane shows; copying gives all. */
const LONGEST_TEXT = 2_000;
const MOST_ITEMS = 100;
const LONGEST = 50_000;

/** Indented JSON to read. Long texts and lists are cut, and say by how much. */
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
 * One event a line: when it came (milliseconds since 1970), its cursor (`null`: it has none), the bytes of the message
 * it came in, how many log entries it covers, whether it was replayed, and the event itself.
 */
export function jsonLines(received: Iterable<Received>, timeOrigin: number): string {
  let text = "";
  for (const { at, cursor = null, bytes, entries, replayed, event } of received) {
    text += `${JSON.stringify({ at: timeOrigin + at, cursor, bytes, entries, replayed, event })}\n`;
  }
  return text;
}
