/** AG-UI messages as LangChain messages. */
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { ContentPart, Message } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";

/** Reasoning and activity messages are for a frontend to show, not for a model to read: they are left out. */
export function toLangChain(messages: readonly Message[]): BaseMessage[] {
  return messages.flatMap((message) => toMessage(message) ?? []);
}

function toMessage(message: Message): BaseMessage | undefined {
  const { id } = message;
  switch (message.role) {
    case "user":
      return new HumanMessage({ id, content: toContent(message.content), ...named(message) });
    case "assistant":
      return new AIMessage({
        id,
        content: message.content ?? "",
        ...named(message),
        tool_calls: message.toolCalls?.map((call) => ({
          type: "tool_call",
          id: call.id,
          name: call.function.name,
          args: parseArguments(call.function.arguments),
        })),
      });
    case "tool":
      return new ToolMessage({
        id,
        tool_call_id: message.toolCallId,
        content: toContent(message.content),
        ...(message.error ? { status: "error" as const } : {}),
      });
    case "system":
    case "developer":
      return new SystemMessage({ id, content: message.content, ...named(message) });
    default:
      return undefined;
  }
}

function named(message: { name?: string }): { name?: string } {
  return message.name ? { name: message.name } : {};
}

/**
 * LangChain's standard data blocks: every provider's package knows how to turn them into its own. (The newer blocks
 * without `source_type` reach OpenAI untranslated, as of `@langchain/openai` 1.5.8.)
 */
type LangChainPart = { readonly type: string } & Record<string, unknown>;

function toContent(content: string | ContentPart[]): string | LangChainPart[] {
  return typeof content === "string" ? content : content.map(toPart);
}

function toPart(part: ContentPart): LangChainPart {
  if (part.type === "text") return { type: "text", text: part.text };
  const { source } = part;
  const type = part.type === "document" ? "file" : part.type;
  const mime_type = source.mimeType;
  // OpenAI refuses a file without a name.
  const metadata = { metadata: { filename: part.type, ...(isRecord(part.metadata) ? part.metadata : {}) } };
  switch (source.type) {
    case "data":
      return { type, source_type: "base64", data: source.value, mime_type, ...metadata };
    case "url":
      return { type, source_type: "url", url: source.value, mime_type, ...metadata };
    case "file":
      return { type, source_type: "id", id: source.value, mime_type, ...metadata };
  }
}

/** A client may send back arguments that a model cut short; an empty object keeps the history readable for the next. */
function parseArguments(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
