/**
 * Translates ids of tool calls. Models may repeat an id, but clients know each call of a thread by an id that no other
 * call has.
 */
import type { GraphInput } from "../graph/source.ts";
import type { Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import { isRecord } from "../protocol/input.ts";
import type { ThreadRecord } from "../store/store.ts";

/**
 * The ids of a thread's calls for a run that goes on from `history`. The calls of a branch that was left keep their ids:
 * a client may have carried them out, and still holds them. A graph that gets the whole conversation (`asSent`) knows
 * each call by the id that clients know.
 */
export function callIdsOf(thread: ThreadRecord | undefined, history: readonly Message[], asSent = false): CallIds {
  const { messages = [], removed = [], callIds: given = {} } = thread ?? {};
  const callIds = asSent ? Object.fromEntries(Object.keys(given).map((id) => [id, id])) : given;
  const held = new Set(history.flatMap(callsIn));
  const gone = [...removed.flatMap(({ calls = [] }) => calls), ...messages.flatMap(callsIn)].filter(
    (id) => !held.has(id),
  );
  return { ...Object.fromEntries(gone.map((id) => [id, id])), ...callIds };
}

/** The same input with the ids that the graph's model gave: for a graph that keeps its own messages. */
export function withGivenIds<T extends GraphInput>(input: T, callIds: CallIds): T {
  const given = new Map(Object.entries(callIds));
  if (given.size === 0 || input.kind === "continue") return input;
  const messages = input.messages.map((message) => named(message, given));
  return input.kind === "resume"
    ? { ...input, messages, answers: renamed(input.answers, given) }
    : { ...input, messages };
}

function named(message: Message, given: ReadonlyMap<string, string>): Message {
  if (message.role === "tool") return { ...message, toolCallId: given.get(message.toolCallId) ?? message.toolCallId };
  if (message.role !== "assistant" || !message.toolCalls) return message;
  return { ...message, toolCalls: message.toolCalls.map((call) => ({ ...call, id: given.get(call.id) ?? call.id })) };
}

/** The fields in which questions and answers name their call. */
const NAMES: ReadonlySet<string> = new Set(["toolCallId", "tool_call_id"]);

function renamed<T>(value: T, given: ReadonlyMap<string, string>): T {
  if (Array.isArray(value)) return value.map((item: unknown) => renamed(item, given)) as T;
  if (!isRecord(value)) return value;
  const fields = Object.entries(value).map(([name, field]): [string, unknown] => {
    if (typeof field === "string" && NAMES.has(name)) return [name, given.get(field) ?? field];
    return [name, renamed(field, given)];
  });
  return Object.fromEntries(fields) as T;
}

function callsIn(message: Message): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}
