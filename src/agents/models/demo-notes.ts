/** Notes that a message asks for: "write a note: buy milk", "note that it rains", "write two notes: A; B". */
import type { PlannedCall } from "./demo-calls.ts";

const REQUEST =
  /\b(?:(?:write|take|make|add|save)\s(?:[\w-]+\s){0,3}(notes?)(?:\s(?:that|to|about|of|saying)\b)?|(notes?)(?=:)|note\s(?:that|down)\b)\s?:?\s?/i;
/** Enough to show that several can wait for a person. */
const MAX_NOTES = 5;
/** In characters. */
const MAX_TITLE = 50;

/** The notes to write, and what comes before them in the message. All that comes after the request is in the notes. */
export function notesIn(message: string): { rest: string; calls: PlannedCall[] } {
  const request = REQUEST.exec(message);
  if (!request) return { rest: message, calls: [] };
  const body = message.slice(request.index + request[0].length);
  const several = /s$/i.test(request[1] ?? request[2] ?? "");
  const texts = (several ? body.split(/[;\n]/) : [body])
    .map((text) => text.replace(/^\s*[-*]\s/, "").trim())
    .filter((text) => text !== "");
  return {
    rest: message.slice(0, request.index),
    calls: texts.slice(0, MAX_NOTES).map((text) => ({ name: "write_note", args: { title: titleOf(text), text } })),
  };
}

/** The beginning of the first line, cut between words. */
function titleOf(text: string): string {
  const line = text.split("\n", 1)[0]?.replace(/\.$/, "") ?? text;
  const short = line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE).replace(/\s+\S*$/, "")} …` : line;
  return short.charAt(0).toUpperCase() + short.slice(1);
}
