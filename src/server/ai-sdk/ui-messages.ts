/**
 * Converts a thread's messages for the AI SDK's clients: each user message, then one message with the whole answer in
 * parts. Pure.
 */
import type {
  AssistantMessage,
  ContentPart,
  Interrupt,
  Message,
  ToolCall,
  ToolMessage,
} from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";

/** A part of a message: text, reasoning, a tool call, data, or the start of a step. */
export type UiPart = Readonly<Record<string, unknown>> & { readonly type: string };

export interface UiMessage {
  readonly id: string;
  readonly role: "system" | "user" | "assistant";
  readonly parts: readonly UiPart[];
}

/** Converts a conversation. */
export function toUiMessages(messages: readonly Message[], interrupts: readonly Interrupt[] = []): UiMessage[] {
  const shown: UiMessage[] = [];
  let asked: string | undefined;
  let turn: Message[] = [];
  const flush = (open: readonly Interrupt[]) => {
    const parts = answerParts(turn, open);
    if (parts.length > 0) shown.push({ id: answerTo(asked), role: "assistant", parts });
    turn = [];
  };
  for (const message of messages) {
    if (message.role === "user") {
      flush([]);
      asked = message.id;
      shown.push({ id: message.id, role: "user", parts: userParts(message.content) });
    } else if (message.role === "system" || message.role === "developer") {
      shown.push({ id: message.id, role: "system", parts: [{ type: "text", text: message.content }] });
    } else turn.push(message);
  }
  flush(interrupts);
  return shown;
}

/** The id of the message that answers a person's message. It is the same in every response and in the history. */
export function answerTo(messageId: string | undefined): string {
  return messageId === undefined ? "answer" : `${messageId}-answer`;
}

/** The messages after a person's message, up to the next one; without an id, those after the last. */
export function turnAfter(messages: readonly Message[], messageId: string | undefined): readonly Message[] {
  const start = messages.findLastIndex(({ id, role }) => role === "user" && (messageId ?? id) === id) + 1;
  const next = messages.findIndex(({ role }, index) => index >= start && role === "user");
  return messages.slice(start, next < 0 ? messages.length : next);
}

/** The parts of an answer. A step has the words and calls of one message, and the reasoning that led to them. */
export function answerParts(turn: readonly Message[], interrupts: readonly Interrupt[] = []): UiPart[] {
  const results = new Map(turn.flatMap((message) => (message.role === "tool" ? [[message.toolCallId, message]] : [])));
  const questions = new Map(interrupts.map((interrupt) => [interrupt.toolCallId, interrupt]));
  const parts: UiPart[] = [];
  /** Does the step have a message already? Then the next message begins another step. */
  let spoken = true;
  const step = () => {
    if (spoken) parts.push({ type: "step-start" });
    spoken = false;
  };
  for (const message of turn) {
    if (message.role === "reasoning") {
      step();
      parts.push({ type: "reasoning", text: message.content, state: "done" });
    } else if (message.role === "assistant") {
      step();
      spoken = true;
      parts.push(...ownParts(message, results, questions));
    } else parts.push(...activityParts(message));
  }
  return [...parts, ...interrupts.map((interrupt) => interruptPart(interrupt))];
}

/** The type of the part for an activity. A later part with the same id replaces it. */
export const ACTIVITY = "data-activity";

/** Returns the part for an activity, and no part for any other message. */
export function activityParts(message: Message): UiPart[] {
  if (message.role !== "activity") return [];
  const { id, activityType, content } = message;
  return [{ type: ACTIVITY, id, data: { activityType, content } }];
}

function ownParts(
  { id, content, toolCalls = [] }: AssistantMessage,
  results: ReadonlyMap<string, ToolMessage>,
  questions: ReadonlyMap<string | undefined, Interrupt>,
): UiPart[] {
  const metadata = madeBy(id);
  return [
    ...(content ? [{ type: "text", text: content, state: "done", providerMetadata: metadata }] : []),
    ...toolCalls.map((call) => ({
      ...toolPart(call, results.get(call.id), questions.get(call.id)),
      callProviderMetadata: metadata,
    })),
  ];
}

function toolPart(
  { id: toolCallId, function: made }: ToolCall,
  result: ToolMessage | undefined,
  question: Interrupt | undefined,
): UiPart {
  const input = inputOf(made.arguments);
  const call = { type: `tool-${made.name}`, toolCallId, input };
  if (result) return { ...call, ...outcomeOf(result.content, result.error) };
  if (question) return { ...call, state: "approval-requested", approval: { id: question.id } };
  if (input === undefined) return { ...call, state: "input-streaming", rawInput: made.arguments };
  return { ...call, state: "input-available" };
}

/** Returns the result of a call as fields of a part. */
export function outcomeOf(
  content: string | readonly ContentPart[],
  error: unknown,
): { readonly state: "output-available"; output: unknown } | { readonly state: "output-error"; errorText: string } {
  if (error === undefined) return { state: "output-available", output: outputOf(content) };
  return { state: "output-error", errorText: typeof content === "string" && content ? content : String(error) };
}

/** Most tools return JSON, and pages read its fields. A text that only looks like a number stays a text. */
function outputOf(content: string | readonly ContentPart[]): unknown {
  if (typeof content !== "string" || !/^\s*[[{]/.test(content)) return content;
  return parsed(content) ?? content;
}

/** The arguments of a call. `undefined`: they are not complete. */
export function inputOf(json: string): unknown {
  return json.trim() === "" ? {} : parsed(json);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A question of the graph. A page answers it with `resume`, or with an approval where it is about a tool's call. */
export function interruptPart(interrupt: Interrupt, answered = false): UiPart {
  return { type: "data-interrupt", id: interrupt.id, data: { ...interrupt, answered } };
}

/** Clients send parts back with their metadata. So each part names its message. */
export function madeBy(messageId: string): { readonly sluice: { readonly messageId: string } } {
  return { sluice: { messageId } };
}

function userParts(content: string | readonly ContentPart[]): UiPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content.map(userPart);
}

function userPart(part: ContentPart): UiPart {
  if (part.type === "text") return { type: "text", text: part.text };
  const { type, source, metadata } = part;
  // A file that is stored at its provider has no URL, so the part is passed on unchanged.
  if (source.type === "file") return { type: AS_IT_IS, data: part };
  const mediaType = source.mimeType ?? `${type === "document" ? "application" : type}/*`;
  const url = source.type === "data" ? `data:${mediaType};base64,${source.value}` : source.value;
  const filename = isRecord(metadata) && typeof metadata.filename === "string" ? { filename: metadata.filename } : {};
  return { type: "file", mediaType, url, ...filename };
}

/** A part of AG-UI that these clients have no part for. */
export const AS_IT_IS = "data-sluice.part";
