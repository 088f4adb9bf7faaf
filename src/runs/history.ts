/**
 * A client's history against the thread's transcript. AG-UI clients send all they hold, every turn; what differs says
 * what they did: typed on, edited, or asked for another answer.
 */
import type { Message, RunAgentInput } from "../protocol/events.ts";
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
 * Compares what a client holds with what its thread was told.
 *
 * - A client that holds nothing of the thread adds to it: a line typed in a terminal comes alone.
 * - Messages missing at the beginning were let go of to keep the history short: nothing parts there.
 * - From the first message that both hold, a user's message that is missing or has other content parts.
 * - An assistant or tool message that is missing parts when nothing after it is held: the client wants another answer.
 *   With something after it, it is one that this client does not keep.
 *
 * Clients do not edit what an assistant or a tool said, but some give it other ids, or put a run into one message: the
 * same content, the same tool call, or a message that has it in it, is enough. Reasoning is not compared: many clients
 * do not send it back. Neither are system messages: they are the application's, which puts them in front of however
 * little it keeps.
 *
 * What was taken back (`removed`) is not believed, and a client that still holds it misses nothing of that turn.
 */
export function readHistory(
  sent: readonly Message[],
  transcript: readonly Message[],
  removed: readonly Tombstone[] = [],
): HistoryReading {
  const { held, turns } = withoutRemoved(sent, transcript, removed);
  const told = transcript.map((message) => CONVERSATION.has(message.role));
  const matches = matchAll(held, transcript);
  const matched = new Set(matches.values());
  const first = transcript.findIndex((_, index) => told[index] && matched.has(index));
  const last = Math.max(
    transcript.findLastIndex((_, index) => told[index] && matched.has(index)),
    ...turns.map((start) => endOfTurn(transcript, start)),
  );
  const partsAt = transcript.findIndex((message, index) => {
    if (!told[index] || matched.has(index)) return false;
    if (message.role !== "user") return first >= 0 && index > last;
    return (first >= 0 && index > first) || held.some(({ id }) => id === message.id);
  });
  const freshAfter = (length: number) => {
    const kept = new Set(transcript.slice(0, length).map((message) => message.id));
    return held.filter((message) => (matches.get(message) ?? length) >= length && !kept.has(message.id));
  };
  const end = partsAt < 0 ? transcript.length : partsAt;
  return { partsAt: partsAt < 0 ? undefined : partsAt, fresh: freshAfter(end), freshAfter };
}

/** What of these inputs is news to their thread: messages of those who wait for it. */
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
 * Where in the transcript follows what came after this message (`undefined`: all of it), though the message may have
 * been taken back since. Nothing where the message is of a branch that was left.
 */
export function positionAfter(
  messageId: string | undefined,
  transcript: readonly Message[],
  removed: readonly Tombstone[] = [],
): number | undefined {
  const tombstones = new Map(removed.map((tombstone) => [tombstone.id, tombstone]));
  for (let id = messageId, steps = 0; steps <= removed.length; steps += 1) {
    if (id === undefined) return 0;
    const index = transcript.findIndex((message) => message.id === id);
    if (index >= 0) return index + 1;
    const tombstone = tombstones.get(id);
    if (!tombstone) return undefined;
    id = tombstone.after;
  }
  return undefined;
}

/** What a client holds that was not taken back, and where in the transcript the turns lie of which it was. */
function withoutRemoved(
  sent: readonly Message[],
  transcript: readonly Message[],
  removed: readonly Tombstone[],
): { readonly held: readonly Message[]; readonly turns: readonly number[] } {
  if (removed.length === 0) return { held: sent, turns: [] };
  const ids = new Set(transcript.map(({ id }) => id));
  const calls = new Set(transcript.flatMap(callIds));
  const goneIds = new Set(removed.flatMap(({ id }) => (ids.has(id) ? [] : [id])));
  const goneCalls = new Set(removed.flatMap((tombstone) => tombstone.calls ?? []).filter((id) => !calls.has(id)));
  const isGone = (message: Message) =>
    goneIds.has(message.id) || (message.role === "tool" && goneCalls.has(message.toolCallId));
  const turns = sent.filter(isGone).flatMap(({ id }) => positionAfter(id, transcript, removed) ?? []);
  return { held: sent.filter((message) => !isGone(message)), turns };
}

function callIds(message: Message): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}

/** The last message before the next one of a person. */
function endOfTurn(transcript: readonly Message[], start: number): number {
  const next = transcript.findIndex(({ role }, index) => index >= start && role === "user");
  return (next < 0 ? transcript.length : next) - 1;
}

/** Which message of the transcript each held one is. Ids decide; content only speaks for ids the thread never gave. */
function matchAll(held: readonly Message[], transcript: readonly Message[]): Map<Message, number> {
  const byId = new Map(transcript.map((message, index) => [message.id, index]));
  const matches = new Map<Message, number>();
  const taken = new Set<number>();
  const take = (message: Message, index: number) => {
    if (!matches.has(message)) matches.set(message, index);
    taken.add(index);
  };
  for (const message of held) {
    const index = byId.get(message.id);
    const told = index === undefined ? undefined : transcript[index];
    if (index === undefined || told?.role !== message.role) continue;
    if (told.role !== "user" || content(told) === content(message)) take(message, index);
  }
  for (const [index, told] of transcript.entries()) {
    if (taken.has(index) || told.role === "user") continue;
    const match =
      held.find((message) => !matches.has(message) && !byId.has(message.id) && saysSame(message, told)) ??
      held.find((message) => contains(message, told));
    if (match) take(match, index);
  }
  // A folded message stands where the first of those it holds stood.
  return matches;
}

function saysSame(held: Message, told: Message): boolean {
  if (held.role === "tool" && told.role === "tool") return held.toolCallId === told.toolCallId;
  return held.role === told.role && content(held) === content(told);
}

/** Has the client put this message into a larger one? */
function contains(held: Message, told: Message): boolean {
  if (held.role !== "assistant" || told.role !== "assistant") return false;
  const calls = new Set((held.toolCalls ?? []).map(({ id }) => id));
  const toldCalls = told.toolCalls ?? [];
  const text = told.content ?? "";
  if (text === "" && toldCalls.length === 0) return false;
  return toldCalls.every(({ id }) => calls.has(id)) && (held.content ?? "").includes(text);
}

function content(message: Message): string {
  const calls = message.role === "assistant" ? message.toolCalls?.map((call) => call.function) : undefined;
  // What was told holds no half of a character; what is held may.
  return JSON.stringify(wellFormed([message.content ?? "", calls ?? []]));
}
