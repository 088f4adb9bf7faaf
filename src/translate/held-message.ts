/** Messages as clients hold them, and the form that a message of the graph's state would have for clients. */
import { isDeepStrictEqual } from "node:util";
import type { AssistantMessage, ToolCall, ToolMessage, UserMessage } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { type MessageLike, textOf, toolCallPieces } from "./content.ts";
import { MessageSpans } from "./message-spans.ts";
import { toolResult } from "./tool-result.ts";

/** A message that can be replaced. */
export type HeldMessage = AssistantMessage | ToolMessage | UserMessage;

/** A call's two ids: the one that clients know it by, and the one that the model gave it. */
export interface CallIdPair {
  readonly id: string;
  readonly given: string | undefined;
}

/** Reads a message of the state as clients would hold it in the place of `before`. `calls`: those that were in it. */
export type HeldReader = (message: MessageLike, before: HeldMessage, calls: readonly CallIdPair[]) => HeldMessage;

/** The id that another call would get if a model gave it this id. `also`: ids that are taken besides. */
export type FreeId = (given: string, also: ReadonlySet<string>) => string;

/** The text as clients get it, without reasoning between tags. */
export function visibleText(message: MessageLike, reasoningTags: readonly string[]): string {
  const calls = { begin: ({ wanted: id }: { wanted: string }) => ({ id, isNew: true }), complete: () => {} };
  const spans = new MessageSpans("", { reasoning: false, reasoningTags, calls });
  spans.push({ content: message.content });
  spans.close();
  return spans.held.content ?? "";
}

/** Returns a reader for messages of the state. It leaves out reasoning between tags. */
export function heldReader(reasoningTags: readonly string[], free: FreeId): HeldReader {
  return (message, before, calls) => {
    switch (before.role) {
      case "tool":
        return { id: before.id, role: "tool", toolCallId: before.toolCallId, ...toolResult(message) };
      case "user":
        return userFor(message, before);
      case "assistant":
        return assistantFor(message, before, idsFor(message, before, calls, free), reasoningTags);
    }
  };
}

/** A user's message with new text. Its files stay as they were. */
function userFor(message: MessageLike, before: UserMessage): UserMessage {
  const said = textOf(message);
  const { content } = before;
  if (typeof content === "string") return { ...before, content: said };
  if (said === text(before)) return before;
  return { ...before, content: [{ type: "text", text: said }, ...content.filter(({ type }) => type !== "text")] };
}

/** The calls of a message of the state, those that do not parse included. */
export function callsIn(message: MessageLike) {
  return [...toolCallPieces({ tool_calls: message.tool_calls }), ...invalidCalls(message)];
}

/** The ids that clients know these calls by. For a call that a node made, the id that it would get. */
function idsFor(
  message: MessageLike,
  { id, toolCalls: known = [] }: AssistantMessage,
  calls: readonly CallIdPair[],
  free: FreeId,
): readonly string[] {
  const left = [...calls];
  const fresh = new Set<string>();
  return callsIn(message).map(({ id: given }, index) => {
    const at = left.findIndex((call) => call.given === given);
    const [same] = at < 0 ? [] : left.splice(at, 1);
    if (same) return same.id;
    const unnamed = calls[index]?.given === undefined ? (calls[index] ?? known[index])?.id : undefined;
    const own = unnamed ?? free(given ?? `${id}-call-${index}`, fresh);
    fresh.add(own);
    return own;
  });
}

function assistantFor(
  message: MessageLike,
  { id, name }: AssistantMessage,
  ids: readonly string[],
  reasoningTags: readonly string[],
): AssistantMessage {
  const content = visibleText(message, reasoningTags);
  const toolCalls = callsIn(message).map(
    (call, index): ToolCall => ({
      id: ids[index] ?? "",
      type: "function",
      function: { name: call.name ?? "", arguments: call.args },
    }),
  );
  return {
    id,
    role: "assistant",
    ...(name === undefined ? {} : { name }),
    ...(content !== "" || toolCalls.length === 0 ? { content } : {}),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
  };
}

/** Does a client that holds `before` hold what `now` says? White space at the ends does not count. */
export function isSame(before: HeldMessage, now: HeldMessage): boolean {
  if (before.role !== "assistant" || now.role !== "assistant") return isDeepStrictEqual(before.content, now.content);
  return sameText(before, now) && sameCalls(before, now);
}

export function sameText(before: HeldMessage, now: HeldMessage): boolean {
  return text(before).trim() === text(now).trim();
}

function text({ content = "" }: HeldMessage): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** Does the new message still have all of the old text? */
export function onlyAdds(before: HeldMessage, now: HeldMessage): boolean {
  if (before.role !== "assistant" || now.role !== "assistant") return false;
  return repeats(now, before) && sameCalls(before, now);
}

/** Does `now` have the text of `before`? */
export function repeats(now: HeldMessage, before: HeldMessage): boolean {
  return text(now).includes(text(before).trim());
}

function sameCalls({ toolCalls: before = [] }: AssistantMessage, { toolCalls: now = [] }: AssistantMessage): boolean {
  if (before.length !== now.length) return false;
  return before.every(({ id, function: made }) => {
    const other = now.find((call) => call.id === id)?.function;
    return other?.name === made.name && sameArguments(made.arguments, other.arguments);
  });
}

/** LangChain repairs arguments that were cut short. That is no edit. */
function sameArguments(before: string, now: string): boolean {
  const parsed = parsedJson(before);
  return parsed === undefined || isDeepStrictEqual(parsed, parsedJson(now));
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text === "" ? "{}" : text) as unknown;
  } catch {
    return undefined;
  }
}

function invalidCalls(message: MessageLike) {
  const { invalid_tool_calls: calls } = message as { invalid_tool_calls?: unknown };
  if (!Array.isArray(calls)) return [];
  return calls.filter(isRecord).map(({ id, name, args }) => ({
    id: typeof id === "string" ? id : undefined,
    name: typeof name === "string" ? name : undefined,
    args: typeof args === "string" ? args : "",
  }));
}
