/**
 * LangChain's messages, documents and commands as plain objects. They are recognized by their shape: a project may well
 * hold several copies of @langchain/core, and `instanceof` knows only one of them.
 */
import { isPlainObject } from "./odd-values.ts";
import { redact } from "./redact.ts";

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Converts a message, document or command to a plain object, for the `convert` option of `toJson`. Returns `undefined`
 * for other values.
 */
export function toPlainShape(value: object): Fields | undefined {
  const fields = value as Fields;
  const type = messageType(fields);
  if (type !== undefined) return messageShape(fields, type);
  if (isDocument(fields)) return { page_content: fields.pageContent, ...filled(fields, ["metadata", "id"]) };
  // A command's update and the argument of a Send are state: only the target is written.
  if (fields.lg_name === "Command") return filled(fields, ["lg_name", "graph", "goto"]);
  if (fields.lg_name === "Send") return filled(fields, ["lg_name", "node"]);
  return undefined;
}

/** JSON in which messages, documents and commands have their plain shapes. */
export const PLAIN = { convert: toPlainShape };

/** `"ai"`, `"tool"`, ..., or nothing when `value` is no message. Old copies have only `_getType`. */
function messageType(value: Fields): string | undefined {
  const getType = value.getType ?? value._getType;
  if (typeof getType !== "function" || !("content" in value) || !("additional_kwargs" in value)) return undefined;
  const type: unknown = getType.call(value);
  return typeof type === "string" ? type : undefined;
}

/**
 * Leaves out empty fields, which would be most of the bytes of a token's chunk. A tool message's `artifact` is left out
 * too: the tool hides it from the model.
 */
function messageShape(message: Fields, type: string): Fields {
  const content = type === "tool" && message.status === "error" ? redacted(message.content) : message.content;
  const own = isChunk(message)
    ? { type: `${type}_chunk`, content, ...filled(message, chunkFields(message)) }
    : { type, content, ...filled(message, ["id", "name", "role", ...CALLS]) };
  return { ...own, ...filled(message, ["tool_call_id", "status", ...ABOUT]) };
}

/** Removes paths and keys from a tool's error that a ToolNode turned into a message. */
function redacted(content: unknown): unknown {
  if (typeof content === "string") return redact(content);
  if (!Array.isArray(content)) return content;
  return content.map((block: unknown) => {
    const { text } = (block ?? {}) as Fields;
    return typeof text === "string" ? { ...(block as Fields), text: redact(text) } : block;
  });
}

const CALLS = ["tool_calls", "invalid_tool_calls"];
const ABOUT = ["usage_metadata", "response_metadata", "additional_kwargs"];

/**
 * A chunk's `tool_calls` repeat the part of its `tool_call_chunks` that could be parsed. They are used only if there
 * are no call chunks.
 */
function chunkFields(chunk: Fields): string[] {
  const calls = isEmpty(chunk.tool_call_chunks) ? CALLS : ["tool_call_chunks"];
  return ["id", "name", "role", ...calls];
}

/**
 * Checks the class's LangChain name, which minifying does not change. The method `concat` proves nothing: complete
 * system messages have it too.
 */
function isChunk(message: Fields): boolean {
  if ("tool_call_chunks" in message) return true;
  const { lc_name, name } = (message.constructor ?? {}) as { lc_name?: () => unknown; name?: unknown };
  return String(typeof lc_name === "function" ? lc_name.call(message.constructor) : name).endsWith("Chunk");
}

/** A document has only these fields: another object may have a `pageContent` among its fields. */
function isDocument(value: Fields): boolean {
  return (
    typeof value.pageContent === "string" &&
    typeof value.metadata === "object" &&
    Object.keys(value).every((key) => key === "pageContent" || key === "metadata" || key === "id")
  );
}

function filled(source: Fields, keys: readonly string[]): Fields {
  const entries = keys.map((key) => [key, source[key]] as const);
  return Object.fromEntries(entries.filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (typeof value !== "object") return false;
  return Array.isArray(value) ? value.length === 0 : isPlainObject(value) && Object.keys(value).length === 0;
}
