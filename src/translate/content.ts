/** Reads a LangChain message or chunk: which parts of it are said, which are thought, which are tool calls. */
import { isRecord } from "../protocol/input.ts";

/** A piece of a message, in the order it was produced. */
export type Part = { readonly kind: "text" | "reasoning"; readonly text: string };

/** A piece of a tool call. Pieces with the same index belong together; id and name come with one of them. */
export interface ToolCallPiece {
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly args: string;
}

/** Any LangChain message, as far as it is read here. Read structurally: graphs may bring their own copy of LangChain. */
export interface MessageLike {
  readonly id?: unknown;
  readonly name?: unknown;
  readonly content?: unknown;
  readonly tool_calls?: unknown;
  readonly tool_call_chunks?: unknown;
  readonly tool_call_id?: unknown;
  readonly additional_kwargs?: unknown;
  readonly usage_metadata?: unknown;
}

/** `value` as a message, when it has a message's `content`. */
export function asMessage(value: unknown): MessageLike | undefined {
  return isRecord(value) && "content" in value ? value : undefined;
}

/** The kind of a LangChain message: `ai`, `human`, `tool`, ... */
export function messageType(value: object): string | undefined {
  const message = value as { getType?: () => unknown; _getType?: () => unknown };
  const type = typeof message.getType === "function" ? message.getType() : message._getType?.();
  return typeof type === "string" ? type : undefined;
}

/** What a message or chunk says and thinks. Reasoning comes first: no provider sends it behind the text it led to. */
export function partsOf(message: MessageLike): Part[] {
  const { content, additional_kwargs: extra } = message;
  // The common chunk by far is a short string and nothing else.
  if (typeof content === "string" && !(isRecord(extra) && typeof extra.reasoning_content === "string")) {
    return content === "" ? [] : [{ kind: "text", text: content }];
  }
  const parts: Part[] = [];
  const add = (kind: Part["kind"], text: unknown) => {
    if (typeof text === "string" && text !== "") parts.push({ kind, text });
  };
  if (isRecord(extra)) add("reasoning", extra.reasoning_content);
  if (typeof content === "string") add("text", content);
  for (const block of Array.isArray(content) ? content : []) {
    if (!isRecord(block)) continue;
    if (block.type === "text" || block.type === "text_delta" || block.type === "output_text") add("text", block.text);
    if (block.type === "reasoning") add("reasoning", block.reasoning ?? summaryText(block.summary));
    if (block.type === "thinking") add("reasoning", block.thinking);
  }
  return parts;
}

function summaryText(summary: unknown): string | undefined {
  if (!Array.isArray(summary)) return undefined;
  return summary.map((part) => (isRecord(part) && typeof part.text === "string" ? part.text : "")).join("");
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
  return calls.filter(isRecord).map((call, index) => ({
    index,
    id: nonEmpty(call.id),
    name: nonEmpty(call.name),
    args: JSON.stringify(call.args ?? {}),
  }));
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The text of a message: its text parts joined. */
export function textOf(message: MessageLike): string {
  return partsOf(message)
    .filter((part) => part.kind === "text")
    .map((part) => part.text)
    .join("");
}
