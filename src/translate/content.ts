/** Reads a LangChain message or chunk: its text, its reasoning and its tool calls. */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";

/** A piece of a message's text or reasoning. */
export interface TextPart {
  readonly kind: "text" | "reasoning";
  readonly text: string;
}

/** A piece of a message, in the order it was produced. `encrypted`: reasoning that only its provider can read. */
export type Part = TextPart | { readonly kind: "encrypted"; readonly value: string };

/** A piece of a tool call. Pieces with the same index belong together; id and name come with one of them. */
export interface ToolCallPiece {
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly args: string;
}

/**
 * The fields of a LangChain message that are read here. The type is structural, because graphs may bring their own copy
 * of LangChain.
 */
export interface MessageLike {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  readonly tool_call_chunks?: unknown;
  readonly tool_call_id?: unknown;
  readonly additional_kwargs?: unknown;
  readonly usage_metadata?: unknown;
  readonly response_metadata?: unknown;
}

/** `value` as a message, when it has a message's `content`. */
export function asMessage(value: unknown): MessageLike | undefined {
  return isRecord(value) && "content" in value ? value : undefined;
}

/** The content of a model's event: a piece of its message, or at the end all of it. */
export function messageIn({ event, data }: GraphEvent): MessageLike | undefined {
  const { chunk, output } = isRecord(data) ? data : {};
  if (event === "on_chat_model_stream") return asMessage(chunk);
  if (event === "on_chat_model_end") return asMessage(output);
  // A completion model's chunk is bare text.
  if (event === "on_llm_stream" && isRecord(chunk) && typeof chunk.text === "string") return { content: chunk.text };
  return undefined;
}

/** The kind of a LangChain message: `ai`, `human`, `tool`, ... */
export function messageType(value: object): string | undefined {
  const message = value as { getType?: () => unknown; _getType?: () => unknown; role?: unknown };
  const type = typeof message.getType === "function" ? message.getType() : message._getType?.();
  if (typeof type === "string") return type;
  // A node may return a plain object, which LangGraph makes a message of.
  return ROLES.get(message.role);
}

const ROLES: ReadonlyMap<unknown, string> = new Map([
  ["assistant", "ai"],
  ["ai", "ai"],
  ["tool", "tool"],
  ["user", "human"],
  ["human", "human"],
  ["system", "system"],
  ["developer", "system"],
  ["function", "function"],
  ["remove", "remove"],
]);

/**
 * The text and the reasoning of a message or chunk. Reasoning comes first: no provider sends it after the text that
 * follows from it.
 */
export function partsOf({ content, additional_kwargs: extra }: MessageLike): Part[] {
  const blocks = Array.isArray(content) ? content.filter(isRecord).flatMap(blockParts) : [];
  const hasReasoning = blocks.some((part) => part.kind !== "text");
  // Some messages carry their reasoning twice, as blocks and beside them.
  const beside = isRecord(extra) && !hasReasoning ? besideParts(extra) : [];
  // OpenAI's Responses API puts the text of a refusal beside an empty content.
  const refusal = isRecord(extra) ? part("text", extra.refusal) : [];
  return [...beside, ...(typeof content === "string" ? part("text", content) : blocks), ...refusal];
}

export function blockParts(block: Record<string, unknown>): Part[] {
  switch (block.type) {
    case "text":
    case "text_delta":
    case "output_text":
      return part("text", block.text);
    case "reasoning": // LangChain's standard block, and OpenAI's, which has summaries
      return [...part("reasoning", block.reasoning ?? textIn(block.summary)), ...encrypted(block.encrypted_content)];
    case "thinking": // Anthropic, and Mistral, which has a list of texts
      return [...part("reasoning", textIn(block.thinking)), ...encrypted(block.signature)];
    case "reasoning_content": {
      // Bedrock
      const { reasoningText: thought, redactedContent } = block;
      const own = isRecord(thought) ? [...part("reasoning", thought.text), ...encrypted(thought.signature)] : [];
      return [...own, ...encrypted(redactedContent)];
    }
    case "redacted_thinking":
      return encrypted(block.data);
    default:
      return [];
  }
}

/** Reasoning beside the content: DeepSeek's and others' `reasoning_content`, OpenAI's `reasoning` item. */
function besideParts({ reasoning_content: text, reasoning: item }: Record<string, unknown>): Part[] {
  const own = part("reasoning", text);
  if (!isRecord(item)) return own;
  return [...own, ...part("reasoning", textIn(item.summary)), ...encrypted(item.encrypted_content)];
}

function part(kind: TextPart["kind"], text: unknown): Part[] {
  return typeof text === "string" && text !== "" ? [{ kind, text }] : [];
}

function encrypted(value: unknown): Part[] {
  return typeof value === "string" && value !== "" ? [{ kind: "encrypted", value }] : [];
}

/** A text, or a list of pieces that have one. */
function textIn(value: unknown): string | undefined {
  if (!Array.isArray(value)) return typeof value === "string" ? value : undefined;
  return value.map((piece) => (isRecord(piece) && typeof piece.text === "string" ? piece.text : "")).join("");
}

/** The tool calls of a message, or the pieces of them in a chunk. */
export function toolCallPieces(message: MessageLike): ToolCallPiece[] {
  const { tool_call_chunks: chunks, tool_calls: calls } = message;
  if (Array.isArray(chunks) && chunks.length > 0) {
    return chunks.filter(isRecord).map((chunk, position) => ({
      index: typeof chunk.index === "number" ? chunk.index : position,
      id: nonEmpty(chunk.id),
      name: nonEmpty(chunk.name),
      args: typeof chunk.args === "string" ? chunk.args : "",
    }));
  }
  if (!Array.isArray(calls)) return [];
  return calls.filter(isRecord).map(({ id, name, args, function: made }, index) => {
    // OpenAI's own form, which LangGraph takes in plain objects.
    const own = isRecord(made) ? made : {};
    return {
      index,
      id: nonEmpty(id),
      name: nonEmpty(name) ?? nonEmpty(own.name),
      args: args === undefined && typeof own.arguments === "string" ? own.arguments : JSON.stringify(args ?? {}),
    };
  });
}

/**
 * The name of the agent that wrote the message. LangChain's agents put it on the finished message, and before that on
 * the model call.
 */
export function nameOf({ name }: MessageLike, { metadata }: GraphEvent): string | undefined {
  return nonEmpty(name) ?? nonEmpty(metadata.lc_agent_name);
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The text of a message: its text parts joined. */
export function textOf(message: MessageLike): string {
  return partsOf(message)
    .map((part) => (part.kind === "text" ? part.text : ""))
    .join("");
}
