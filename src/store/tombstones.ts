/** Tombstones: the messages of a thread that were taken back. */
import type { Message } from "../protocol/events.ts";

/** A message that was taken back. Its id is kept, because a client may still hold it and send it again. */
export interface Tombstone {
  readonly id: string;
  /** The id of the message before it, if there was one. */
  readonly after?: string;
  /** The calls in it. */
  readonly calls?: readonly string[];
}

/** All tombstones of a thread, one for each id. */
export function allRemoved(
  known: readonly Tombstone[] = [],
  more: readonly Tombstone[] = [],
): readonly Tombstone[] | undefined {
  const all = new Map([...known, ...more].map((tombstone) => [tombstone.id, tombstone]));
  return all.size > 0 ? [...all.values()] : undefined;
}

/** The tombstones of messages that are taken back, and of the results of their calls. `messages`: all there are. */
export function tombstonesOf(messages: readonly Message[], removed: readonly string[]): Tombstone[] {
  const gone = new Set(removed);
  const calls = new Set<string>();
  for (const message of messages) if (gone.has(message.id)) for (const id of callsOf(message)) calls.add(id);
  // If a call was repeated under its id, the result belongs to the call that is left.
  for (const message of messages) if (!gone.has(message.id)) for (const id of callsOf(message)) calls.delete(id);
  for (const message of messages) if (message.role === "tool" && calls.has(message.toolCallId)) gone.add(message.id);
  const tombstones: Tombstone[] = [];
  let after: string | undefined;
  for (const message of messages) {
    const { id } = message;
    if (gone.has(id)) {
      const own = callsOf(message);
      tombstones.push({ id, ...(after === undefined ? {} : { after }), ...(own.length > 0 ? { calls: own } : {}) });
    } else after = id;
  }
  return tombstones;
}

function callsOf(message: Message): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}
