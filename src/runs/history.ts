/**
 * A client's history against the thread's transcript. AG-UI clients send all they hold, every turn; what differs says
 * what they did: typed on, edited, or asked for another answer.
 */
import type { Message } from "../protocol/events.ts";
import { wellFormed } from "../protocol/text.ts";

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
 * - From the first message that both hold, one that is missing, or a user's message with other content, parts.
 * - Assistant and tool messages are not edited by clients, so the id, or the same content under another id, is enough.
 *
 * Reasoning is not compared: many clients do not send it back. Neither are system messages: they are the application's,
 * which puts them in front of however little it keeps.
 */
export function readHistory(held: readonly Message[], transcript: readonly Message[]): HistoryReading {
  const matches = new Map<Message, number>();
  let partsAt: number | undefined;
  let begun = false;
  for (const [index, told] of transcript.entries()) {
    const match = held.find((message) => !matches.has(message) && same(message, told));
    if (match) matches.set(match, index);
    if (!CONVERSATION.has(told.role)) continue;
    if (match) begun = true;
    else if (begun || held.some((message) => message.id === told.id)) {
      partsAt = index;
      break;
    }
  }
  const freshAfter = (length: number) => {
    const kept = new Set(transcript.slice(0, length).map((message) => message.id));
    return held.filter((message) => (matches.get(message) ?? length) >= length && !kept.has(message.id));
  };
  return { partsAt, fresh: freshAfter(partsAt ?? transcript.length), freshAfter };
}

function same(held: Message, told: Message): boolean {
  if (held.role !== told.role) return false;
  if (told.role === "user") return held.id === told.id && content(held) === content(told);
  return held.id === told.id || content(held) === content(told);
}

function content(message: Message): string {
  const calls = message.role === "assistant" ? message.toolCalls?.map((call) => call.function) : undefined;
  // What was told holds no half of a character; what is held may.
  return JSON.stringify(wellFormed([message.content ?? "", calls ?? []]));
}
