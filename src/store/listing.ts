/** The parts of a thread list that all engines share: titles, and the cursor between two pages. */
import { SluiceError } from "../protocol/errors.ts";
import type { Message } from "../protocol/events.ts";
import { isId } from "../protocol/ids.ts";
import type { ThreadSummary } from "./store.ts";

const TITLE_LENGTH = 80;

/** The beginning of the first user message with text, in one line. Empty when there is none. */
export function titleOf(messages: readonly Message[]): string {
  for (const message of messages) {
    if (message.role !== "user") continue;
    const { content } = message;
    const text =
      typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "")).join(" ");
    const line = oneLine(text);
    if (line) return line;
  }
  return "";
}

/** The beginning of a text, in one line. */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  const characters = [...line.toWellFormed()];
  if (characters.length <= TITLE_LENGTH) return characters.join("");
  const beginning = characters.slice(0, TITLE_LENGTH - 1).join("");
  return `${beginning.trimEnd()}…`;
}

/** A place in the list: threads are ordered by their last use, and by their id where that is the same. */
export interface Place {
  readonly updatedAt: number;
  readonly threadId: string;
}

export function formatPlace({ updatedAt, threadId }: Place): string {
  return Buffer.from(JSON.stringify([updatedAt, threadId])).toString("base64url");
}

/** @throws SluiceError `bad_request` when `text` is no page's `next`. */
export function parsePlace(text: string): Place {
  try {
    const [updatedAt, threadId] = JSON.parse(Buffer.from(text, "base64url").toString()) as unknown[];
    if (Number.isSafeInteger(updatedAt) && typeof threadId === "string" && (threadId === "" || isId(threadId)))
      return { updatedAt: updatedAt as number, threadId };
  } catch {
    // The error is thrown below.
  }
  throw new SluiceError("bad_request", "before must be the next of an earlier page.");
}

/** A page of `limit` threads, made from at most one thread more than that. */
export function pageOf(found: readonly ThreadSummary[], limit: number) {
  const threads = found.slice(0, limit);
  const last = threads.at(-1);
  return { threads, ...(last && found.length > limit ? { next: formatPlace(last) } : {}) };
}
