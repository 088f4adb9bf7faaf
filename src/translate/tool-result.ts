/** A tool's result as clients get it: a text, or parts if it holds more than text. */
import type { ContentPart } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonLimits, toJson } from "../protocol/json.ts";
import { redact } from "../protocol/redact.ts";
import { bounded } from "../protocol/text.ts";
import { blockParts, type MessageLike } from "./content.ts";
import { mediaPart } from "./media.ts";

export interface ToolResult {
  readonly content: string | ContentPart[];
  /** The tool's error: a ToolNode catches what its tools throw, and makes a message of it for the model. */
  readonly error?: string;
}

/** Files of one result take at most this much, as base64: log and transcript keep them. */
const MAX_MEDIA = 2_097_152;

/** Blocks of a model's message that are not its text. Tools that call another model return them too. */
const UNSAID = /tool|function|input_json|reason|think|thought|signature|non_standard/i;

/** The content of a tool message. `limits`: how values in it are written. */
export function toolResult(message: MessageLike & { readonly status?: unknown }, limits?: JsonLimits): ToolResult {
  const content = resultContent(message.content, limits);
  if (message.status !== "error") return { content };
  const error = redact(typeof content === "string" ? content : textsOf(content).join("\n"));
  return { content: error, error };
}

function resultContent(content: unknown, limits: JsonLimits | undefined): string | ContentPart[] {
  if (typeof content === "string") return bounded(content, limits?.maxBytes);
  if (!Array.isArray(content)) return bounded(toJson(content ?? "", limits), limits?.maxBytes);
  const parts = withinBounds(
    content.flatMap((block) => partsOfBlock(block, limits)),
    limits?.maxBytes,
  );
  if (parts.some(({ type }) => type !== "text")) return parts;
  // Older frontends accept only text, and every frontend handles text best.
  return bounded(textsOf(parts).join("\n"), limits?.maxBytes);
}

function partsOfBlock(block: unknown, limits: JsonLimits | undefined): ContentPart[] {
  if (typeof block === "string") return [{ type: "text", text: block }];
  if (!isRecord(block)) return [];
  const media = mediaPart(block);
  if (media) return [media];
  const said = blockParts(block);
  if (said.length > 0) return said.flatMap((part) => (part.kind === "text" ? [{ type: "text", text: part.text }] : []));
  if (typeof block.text === "string") return block.text === "" ? [] : [{ type: "text", text: block.text }];
  return UNSAID.test(String(block.type)) ? [] : [{ type: "text", text: toJson(block, limits) }];
}

function withinBounds(parts: readonly ContentPart[], maxBytes: number | undefined): ContentPart[] {
  let room = MAX_MEDIA;
  return parts.map((part) => {
    if (part.type === "text") return { ...part, text: bounded(part.text, maxBytes) };
    const { length } = part.source.value;
    if (length > room) return { type: "text", text: `[${part.type} left out: ${length} bytes]` };
    room -= length;
    return part;
  });
}

function textsOf(parts: readonly ContentPart[]): string[] {
  return parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
}
