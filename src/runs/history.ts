/**
 * A client's history against the thread's transcript. AG-UI clients send all they hold, every turn; what differs says
 * what they did: typed on, edited, or asked for another answer.
 */
import { SluiceError } from "../protocol/errors.ts";
import type { Message, RunAgentInput } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { wellFormed } from "../protocol/text.ts";
import type { Tombstone } from "../store/tombstones.ts";

export interface HistoryReading {
  /** Messages the thread does not have yet. */
  readonly fresh: readonly Message[];
  /** Index in the transcript of the first message that the client no longer holds, or holds otherwise. */
  readonly partsAt: number | undefined;
  /** The messages that are news to a thread that goes back to the first `length` messages of its transcript. */
  freshAfter(length: number): readonly Message[];
}

const CONVERSATION: ReadonlySet<Message["role"]> = new Set(["user", "assistant", "tool"]);

/**
 * Compares the messages a client holds with those its thread has been sent.
 *
 * - A client that holds nothing of the thread adds to it: a line typed in a terminal comes alone.
 * - Messages missing at the beginning were dropped to keep the history short: the histories do not part there.
 * - After the first message that both hold, the histories part at a user's message that is missing or has other
 *   content.
 * - They part at a missing assistant or tool message if the client holds nothing after it: the client wants another
 *   answer. Otherwise the client does not keep such messages.
 *
 * Clients do not edit what an assistant or a tool said, but some give it other ids, or put a run into one message: the
 * same content, the same tool call, or a message that has it in it, is enough. Reasoning is not compared: many clients
 * do not send it back. System messages are not compared either: the application puts them in front of the messages that
 * it keeps.
 *
 * A message that was taken back (`removed`) is ignored. In a client that still holds it, missing messages of that turn
 * do not count as missing.
 */
export function readHistory(
  sent: readonly Message[],
  transcript: readonly Message[],
  removed: readonly Tombstone[] = [],
): HistoryReading {
  const { held, turn } = withoutRemoved(sent, transcript, removed);
  const spoken = transcript.map((message) => CONVERSATION.has(message.role));
  const matches = matchAll(held, transcript);
  const matched = new Set(matches.values());
  const first = transcript.findIndex((_, index) => spoken[index] && matched.has(index));
  const last = Math.max(
    transcript.findLastIndex((_, index) => spoken[index] && matched.has(index)),
    turn === undefined ? -1 : endOfTurn(transcript, turn),
  );
  const heldIds = new Set(held.map(({ id }) => id));
  const partsAt = transcript.findIndex((message, index) => {
    if (!spoken[index] || matched.has(index)) return false;
    if (message.role !== "user") return first >= 0 && index > last;
    return (first >= 0 && index > first) || heldIds.has(message.id);
  });
  const freshAfter = (length: number) => {
    const kept = new Set(transcript.slice(0, length).map((message) => message.id));
    return held.filter((message) => (matches.get(message) ?? length) >= length && !kept.has(message.id));
  };
  const end = partsAt < 0 ? transcript.length : partsAt;
  return { partsAt: partsAt < 0 ? undefined : partsAt, fresh: freshAfter(end), freshAfter };
}

/** The messages in these inputs that are new to their thread: those of starts that wait for it. */
export function freshOf(
  inputs: Iterable<RunAgentInput>,
  threadId: string,
  transcript: readonly Message[],
  removed: readonly Tombstone[],
): readonly Message[] {
  const waiting = [...inputs].filter((input) => input.threadId === threadId);
  return waiting.flatMap(({ messages }) => readHistory(messages, transcript, removed).fresh);
}

/**
 * The index in the transcript of the message after this one, even if this one was taken back since; 0 for `undefined`.
 * Returns `undefined` for a message of a branch that was left.
 */
export function positionAfter(
  messageId: string | undefined,
  transcript: readonly Message[],
  removed: readonly Tombstone[] = [],
): number | undefined {
  return positionsIn(transcript, removed)(messageId);
}

/** The same for many messages of one transcript. */
export function positionsIn(
  transcript: readonly Message[],
  removed: readonly Tombstone[],
): (messageId: string | undefined) => number | undefined {
  const indexes = new Map(transcript.map(({ id }, index) => [id, index]));
  const tombstones = new Map(removed.map((tombstone) => [tombstone.id, tombstone]));
  return (messageId) => {
    for (let id = messageId, steps = 0; steps <= removed.length; steps += 1) {
      if (id === undefined) return 0;
      const index = indexes.get(id);
      if (index !== undefined) return index + 1;
      const tombstone = tombstones.get(id);
      if (!tombstone) return undefined;
      id = tombstone.after;
    }
    return undefined;
  };
}

/** The messages that a client holds and that were not taken back, and the start of the last turn that lost one. */
function withoutRemoved(
  sent: readonly Message[],
  transcript: readonly Message[],
  removed: readonly Tombstone[],
): { readonly held: readonly Message[]; readonly turn: number | undefined } {
  if (removed.length === 0) return { held: sent, turn: undefined };
  const ids = new Set(transcript.map(({ id }) => id));
  const calls = new Set(transcript.flatMap(callIds));
  const goneIds = new Set(removed.flatMap(({ id }) => (ids.has(id) ? [] : [id])));
  const goneCalls = new Set(removed.flatMap((tombstone) => tombstone.calls ?? []).filter((id) => !calls.has(id)));
  const isGone = (message: Message) =>
    goneIds.has(message.id) || (message.role === "tool" && goneCalls.has(message.toolCallId));
  const positionOf = positionsIn(transcript, removed);
  const turns = sent.filter(isGone).flatMap(({ id }) => positionOf(id) ?? []);
  const turn = turns.length === 0 ? undefined : turns.reduce((latest, start) => Math.max(latest, start));
  return { held: sent.filter((message) => !isGone(message)), turn };
}

function callIds(message: Message): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}

/** The index of the last message before the next user message. */
function endOfTurn(transcript: readonly Message[], start: number): number {
  const next = transcript.findIndex(({ role }, index) => index >= start && role === "user");
  return (next < 0 ? transcript.length : next) - 1;
}

/**
 * Characters that may be searched for messages that a client put into larger ones. A history that needs more is refused:
 * reading it would keep everybody else waiting.
 */
const MOST_SEARCHED = 64 * 1024 * 1024;

/**
 * Matches each held message with a message of the transcript, by its id. Content is compared only where the thread
 * never gave the id.
 * @throws SluiceError `bad_request` when too many of the held messages resemble nothing in the thread.
 */
function matchAll(held: readonly Message[], transcript: readonly Message[]): Map<Message, number> {
  const byId = new Map(transcript.map((message, index) => [message.id, index]));
  const matches = new Map<Message, number>();
  const taken = new Set<number>();
  const take = (message: Message, index: number) => {
    // A folded message takes the place of the first message in it.
    if (!matches.has(message)) matches.set(message, index);
    taken.add(index);
  };
  const whole = new Set<Message>();
  for (const message of held) {
    const index = byId.get(message.id);
    const known = index === undefined ? undefined : transcript[index];
    if (index === undefined || known?.role !== message.role) continue;
    const same = sayTheSame(known, message);
    if (known.role === "user" && !same) continue;
    if (same) whole.add(message);
    take(message, index);
  }
  const missing = [...transcript.entries()].filter(([index, { role }]) => role !== "user" && !taken.has(index));
  if (missing.length === 0) return matches;
  const strangers = indexBy(
    held.filter(({ id }) => !byId.has(id)),
    (message) => [likeness(message)],
  );
  for (const [index, message] of missing) {
    const match = strangers.get(likeness(message))?.shift();
    if (!match) continue;
    whole.add(match);
    take(match, index);
  }
  const folded = missing.filter(([index, { role }]) => role === "assistant" && !taken.has(index));
  if (folded.length > 0) takeFolded(folded, held, whole, take);
  return matches;
}

/** Finds the messages that a client has put into larger ones. */
function takeFolded(
  missing: readonly (readonly [number, Message])[],
  held: readonly Message[],
  whole: ReadonlySet<Message>,
  take: (message: Message, index: number) => void,
): void {
  const assistants = held.filter((message) => message.role === "assistant");
  const byCall = indexBy(assistants, callIds);
  const byLikeness = indexBy(assistants, (message) => [likeness(message)]);
  const larger = assistants.filter((message) => !whole.has(message));
  let searched = 0;
  for (const [index, message] of missing) {
    const [call] = callIds(message);
    const candidates = call === undefined ? (byLikeness.get(likeness(message)) ?? larger) : (byCall.get(call) ?? []);
    const match = candidates.find((candidate) => {
      searched += textOf(candidate).length + 1;
      if (searched > MOST_SEARCHED) throw new SluiceError("bad_request", TOO_STRANGE);
      return contains(candidate, message);
    });
    if (match) take(match, index);
  }
}

const TOO_STRANGE =
  "The field messages has too many messages that differ from the thread's. Send the ids that the thread gave, or the new messages only.";

function indexBy(
  messages: readonly Message[],
  keysOf: (message: Message) => readonly string[],
): Map<string, Message[]> {
  const index = new Map<string, Message[]>();
  for (const message of messages) {
    for (const key of keysOf(message)) {
      const found = index.get(key);
      if (found) found.push(message);
      else index.set(key, [message]);
    }
  }
  return index;
}

/** Equal for messages that say the same, whatever their ids are. */
function likeness(message: Message): string {
  return message.role === "tool" ? `tool:${message.toolCallId}` : `${message.role}:${content(message)}`;
}

/** Has the client put this message into a larger one? */
function contains(held: Message, sent: Message): boolean {
  const calls = new Set(callIds(held));
  const ownCalls = callIds(sent);
  const text = textOf(sent);
  if (text === "" && ownCalls.length === 0) return false;
  return ownCalls.every((id) => calls.has(id)) && textOf(held).includes(text);
}

function textOf(message: Message): string {
  return message.role === "assistant" ? (message.content ?? "") : "";
}

/** Compares texts as they are, because most histories are long and differ in nothing. */
function sayTheSame(one: Message, other: Message): boolean {
  const areTexts = typeof one.content === "string" && !("toolCalls" in one) && !("toolCalls" in other);
  return (areTexts && one.content === other.content) || content(one) === content(other);
}

function content(message: Message): string {
  const calls = message.role === "assistant" ? message.toolCalls?.map((call) => call.function) : undefined;
  // The thread's text has no half surrogate pair. The client's text may have one.
  return JSON.stringify(wellFormed([plain(message.content), calls ?? []]));
}

/** A list with one text counts as that text: clients write a message in either form. */
function plain(content: unknown): unknown {
  const [only, ...others] = Array.isArray(content) ? (content as unknown[]) : [];
  const isText = others.length === 0 && isRecord(only) && only.type === "text" && only.metadata === undefined;
  return isText ? only.text : (content ?? "");
}
