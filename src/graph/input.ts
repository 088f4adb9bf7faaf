/** AG-UI messages as LangChain messages. */
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { ContentPart, Message } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";

/** Reasoning and activity messages are what a frontend shows, not what a model reads: they are left out. */
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

type LangChainPart = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };

function toContent(content: string | ContentPart[]): string | LangChainPart[] {
  return typeof content === "string" ? content : content.flatMap((part) => toPart(part) ?? []);
}

function toPart(part: ContentPart): LangChainPart | undefined {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type !== "image") return undefined;
  const { source } = part;
  if (source.type === "url") return { type: "image_url", image_url: { url: source.value } };
  if (source.type !== "data") return undefined;
  return { type: "image_url", image_url: { url: `data:${source.mimeType};base64,${source.value}` } };
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
