/** Converts AG-UI's messages into LangChain's shape, which LangGraph's clients send and show, and back. Pure. */
import { randomUUID } from "node:crypto";
import type { ActivityEvent } from "../../protocol/activity.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { ContentPart, Message, ToolCall } from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";

/** A message as LangGraph's API writes it: plain JSON with a `type`. */
export type LangGraphMessage = Readonly<Record<string, unknown>> & { readonly type: string; readonly id: string };

/**
 * Converts a conversation. Reasoning is added to the message that it led to. Activities are left out, because no client
 * shows them.
 */
export function toLangGraphMessages(messages: readonly Message[]): LangGraphMessage[] {
  const names = new Map<string, string>();
  let thought = "";
  return messages.flatMap((message): LangGraphMessage[] => {
    if (message.role === "reasoning") {
      thought += message.content;
      return [];
    }
    if (message.role === "activity") return [];
    if (message.role === "assistant") {
      for (const { id, function: made } of message.toolCalls ?? []) names.set(id, made.name);
    }
    const written = asJson(message, thought, names);
    thought = "";
    return [written];
  });
}

function asJson(
  message: Exclude<Message, { role: "reasoning" | "activity" }>,
  thought: string,
  names: ReadonlyMap<string, string>,
): LangGraphMessage {
  const { id } = message;
  switch (message.role) {
    case "user":
      return { type: "human", id, content: toBlocks(message.content), ...named(message), ...KWARGS };
    case "assistant":
      return {
        type: "ai",
        id,
        content: message.content ?? "",
        ...named(message),
        tool_calls: (message.toolCalls ?? []).map(toCall),
        invalid_tool_calls: [],
        ...KWARGS,
        ...(thought ? { additional_kwargs: { reasoning_content: thought } } : {}),
      };
    case "tool":
      return toolMessage(id, message.toolCallId, message.content, names.get(message.toolCallId), message.error);
    case "system":
    case "developer":
      return { type: "system", id, content: message.content, ...named(message), ...KWARGS };
  }
}

/** Clients read these fields without a check that they are there. */
const KWARGS = { additional_kwargs: {}, response_metadata: {} };

/** The result of a tool. */
export function toolMessage(
  id: string,
  toolCallId: string,
  content: string | readonly ContentPart[],
  name: string | undefined,
  error: unknown,
): LangGraphMessage {
  const status = error === undefined ? "success" : "error";
  const called = name === undefined ? {} : { name };
  return { type: "tool", id, tool_call_id: toolCallId, content: toBlocks(content), status, ...called, ...KWARGS };
}

/** A piece of a model's answer: clients join the pieces that have one id. */
export function answerChunk(id: string, content: string, calls: readonly object[] = []): LangGraphMessage {
  return { type: "AIMessageChunk", id, content, tool_calls: [], tool_call_chunks: calls, ...KWARGS };
}

function named({ name }: { readonly name?: string }): { readonly name?: string } {
  return name === undefined ? {} : { name };
}

function toCall({ id, function: made }: ToolCall): object {
  return { type: "tool_call", id, name: made.name, args: argumentsOf(made.arguments) };
}

/** The arguments may be incomplete. */
export function argumentsOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function toBlocks(content: string | readonly ContentPart[]): unknown {
  return typeof content === "string" ? content : content.map(toBlock);
}

/** LangChain's standard content blocks. */
function toBlock(part: ContentPart): object {
  if (part.type === "text") return { type: "text", text: part.text };
  const { type, source, metadata } = part;
  const about = isRecord(metadata) ? { metadata } : {};
  const mimeType = source.mimeType === undefined ? {} : { mimeType: source.mimeType };
  const value = { data: "data", url: "url", file: "fileId" }[source.type];
  return { type: type === "document" ? "file" : type, [value]: source.value, ...mimeType, ...about };
}

/**
 * The messages of a client's input: a list, or a single one, in any of the shapes that LangChain takes.
 * @throws SluiceError `bad_request` that names the field.
 */
export function fromLangGraphMessages(value: unknown, field: string): unknown[] {
  const isPair = Array.isArray(value) && value.length === 2 && value.every((entry) => typeof entry === "string");
  const list: readonly unknown[] = Array.isArray(value) && !isPair ? value : [value];
  return list.map((message, index) => fromMessage(message, `${field}.${index}`));
}

const ROLES: Readonly<Record<string, Message["role"]>> = {
  human: "user",
  user: "user",
  ai: "assistant",
  assistant: "assistant",
  tool: "tool",
  system: "system",
  developer: "developer",
};

/** The shape is only translated here. The check of AG-UI's inputs, which comes later, refuses what is not valid. */
function fromMessage(value: unknown, field: string): object {
  if (typeof value === "string") return { id: randomUUID(), role: "user", content: value };
  if (Array.isArray(value)) return fromMessage({ type: value[0] as unknown, content: value[1] as unknown }, field);
  if (!isRecord(value)) throw new SluiceError("bad_request", `${field}: must be a message.`);
  const message = isRecord(value.kwargs) && value.type === "constructor" ? fromConstructor(value) : value;
  const kind = String(message.type ?? message.role).replace(/MessageChunk$|Message$/, "");
  const role = Object.hasOwn(ROLES, kind.toLowerCase()) ? ROLES[kind.toLowerCase()] : undefined;
  if (role === undefined) {
    throw new SluiceError("bad_request", `${field}.type: must be human, ai, tool or system.`);
  }
  const { id, content, name, tool_calls, tool_call_id, status } = message;
  return {
    id: typeof id === "string" && id !== "" ? id : randomUUID(),
    role,
    content: role === "user" || role === "tool" ? fromBlocks(content) : textOf(content),
    ...(typeof name === "string" && role !== "tool" ? { name } : {}),
    ...(role === "tool" ? { toolCallId: tool_call_id } : {}),
    ...(role === "tool" && status === "error" ? { error: textOf(content) } : {}),
    ...(role === "assistant" && Array.isArray(tool_calls) && tool_calls.length > 0
      ? { toolCalls: tool_calls.map(fromCall) }
      : {}),
  };
}

/** `JSON.stringify` of a LangChain message: `{lc, type: "constructor", id: [..., "HumanMessage"], kwargs}`. */
function fromConstructor({ id, kwargs }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const type = Array.isArray(id) ? (id as unknown[]).at(-1) : undefined;
  return { ...(kwargs as Record<string, unknown>), type };
}

function fromCall(call: unknown): unknown {
  if (!isRecord(call)) return call;
  const { id, name, args } = call;
  return { id, type: "function", function: { name, arguments: JSON.stringify(args ?? {}) } };
}

function textOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((block: unknown) => (isRecord(block) && block.type === "text" ? String(block.text) : "")).join("");
}

function fromBlocks(content: unknown): unknown {
  return Array.isArray(content) ? content.map(fromBlock) : content;
}

const MEDIA: Readonly<Record<string, string>> = { image: "image", audio: "audio", video: "video", file: "document" };

/** Content blocks of LangChain, in their current and earlier forms, and those of OpenAI. */
function fromBlock(block: unknown): unknown {
  if (typeof block === "string") return { type: "text", text: block };
  if (!isRecord(block)) return block;
  if (block.type === "image_url") {
    const { image_url: image } = block;
    return { type: "image", source: sourceOf(isRecord(image) ? image.url : image) };
  }
  const type = typeof block.type === "string" ? MEDIA[block.type] : undefined;
  if (type === undefined) return block;
  const mimeType = block.mimeType ?? block.mime_type;
  const about = isRecord(block.metadata) ? { metadata: block.metadata } : {};
  if (block.data !== undefined) return { type, source: { type: "data", value: block.data, mimeType }, ...about };
  return { type, source: { ...sourceOf(block.url), ...(mimeType === undefined ? {} : { mimeType }) }, ...about };
}

function sourceOf(url: unknown): Record<string, unknown> {
  const [, mimeType, value] = /^data:([^;,]+);base64,(.*)$/s.exec(String(url)) ?? [];
  return value === undefined ? { type: "url", value: url } : { type: "data", value, mimeType };
}

/** An activity as the graph wrote it. */
export function writtenActivity(event: ActivityEvent): object {
  const about = { message_id: event.messageId, activity_type: event.activityType };
  return "patch" in event ? { ...about, patch: event.patch } : { ...about, content: event.content };
}
