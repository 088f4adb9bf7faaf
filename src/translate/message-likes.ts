/**
 * Messages as nodes return them, in every form that LangGraph's reducer takes: LangChain's own, `["ai", "text"]`, plain
 * objects with a `role` or a `type`, and serialized ones.
 */
import { isRecord } from "../protocol/input.ts";
import { asMessage, type MessageLike, messageType } from "./content.ts";

/** The messages (of one type) in a state update: of a plain update, of a `Command`, or of several of either. */
export function messagesIn(update: unknown, type?: "ai" | "tool"): MessageLike[] {
  if (Array.isArray(update)) return update.flatMap((part) => messagesIn(part, type));
  if (!isRecord(update)) return [];
  if (isRecord(update.update)) return messagesIn(update.update, type);
  const { messages } = update;
  const value = isOverwrite(messages) ? (messages.value ?? messages.__overwrite__) : messages;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((one) => {
    const message = readMessage(one);
    return message && (type === undefined || messageType(message) === type) ? [message] : [];
  });
}

/** The id by which a state update removes all messages that were there before. */
export const REMOVE_ALL = "__remove_all__";

/**
 * Does this update replace all messages of the state, instead of adding to them? Graphs shorten histories in this way.
 */
export function isWhole(update: unknown): boolean {
  if (Array.isArray(update)) return update.some(isWhole);
  if (!isRecord(update)) return false;
  if (isRecord(update.update)) return isWhole(update.update);
  return isOverwrite(update.messages) || messagesIn(update).some(({ id }) => id === REMOVE_ALL);
}

function isOverwrite(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && (value.lg_name === "Overwrite" || "__overwrite__" in value);
}

/** LangChain's own object comes back as it is: LangGraph writes the message's id into it. */
function readMessage(value: unknown): MessageLike | undefined {
  if (Array.isArray(value)) {
    const [role, content]: unknown[] = value;
    return typeof role === "string" && value.length === 2 ? plain(role, { content }) : undefined;
  }
  if (!isRecord(value)) return undefined;
  if (messageType(value) !== undefined) return asMessage(value);
  const { lc, id: path, kwargs, type } = value;
  if (lc === 1 && Array.isArray(path) && isRecord(kwargs)) return plain(classType(path.at(-1)), kwargs);
  return typeof type === "string" ? plain(type, value) : undefined;
}

function plain(role: string, fields: Record<string, unknown>): MessageLike {
  return { content: "", ...fields, role } as MessageLike;
}

/** `ai` for the class `AIMessage`, and for `AIMessageChunk`. */
function classType(name: unknown): string {
  return String(name)
    .replace(/Message(?:Chunk)?$/, "")
    .toLowerCase();
}
