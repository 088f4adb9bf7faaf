/** Ids of threads and runs come from clients in any shape; these are the only limits. */
import { SluiceError } from "./errors.ts";

/** The most bytes an id may have, in UTF-8. */
export const MAX_ID_BYTES = 256;

const encoder = new TextEncoder();

/** Is `id` printable (no control characters, no lone surrogates), not blank and at most 256 bytes? */
export function isId(id: string): boolean {
  if (id.length > MAX_ID_BYTES || id.trim() === "" || !id.isWellFormed() || /\p{Cc}/u.test(id)) return false;
  return encoder.encode(id).length <= MAX_ID_BYTES;
}

/**
 * Returns `id` if it is valid.
 * @throws SluiceError `bad_request` that names `field`.
 */
export function checkId(field: string, id: string): string {
  if (isId(id)) return id;
  throw new SluiceError("bad_request", `${field} must be 1 to ${MAX_ID_BYTES} bytes of printable text.`);
}

/** A topic of the event log: a thread's AG-UI events, or the graph events of the same thread. */
export type Topic = `thread:${string}`;

/**
 * The topic of a thread's AG-UI events. The id is URL-encoded, so it adds no blanks, slashes or colons to the topic.
 */
export function threadTopic(threadId: string): Topic {
  return `thread:${encodeURIComponent(threadId)}`;
}

/**
 * Returns the id of the thread that a topic belongs to.
 * @throws SluiceError `bad_request` when it is no topic of a thread's AG-UI events.
 */
export function topicThread(topic: string): string {
  const encoded = /^thread:([^/:]+)$/.exec(topic)?.[1];
  try {
    if (encoded) return checkId("topic", decodeURIComponent(encoded));
  } catch (error) {
    if (error instanceof SluiceError) throw error; // Otherwise the text is not URL-encoded, so it is not a topic.
  }
  throw new SluiceError("bad_request", 'A topic is "thread:" and the URL-encoded id of a thread.');
}

/** The topic of a thread's admitted graph events, with an epoch and offsets of its own. */
export function graphTopic(threadId: string): Topic {
  return `${threadTopic(threadId)}/graph`;
}

/**
 * Maps the tool call ids that clients know to the ids that models gave: for calls whose two ids differ, and for calls
 * that no message contains any more. New calls may not use these ids.
 */
export type CallIds = Readonly<Record<string, string>>;
