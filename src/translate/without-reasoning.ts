/** Turns messages into plain shapes without reasoning. */
import { isRecord } from "../protocol/input.ts";
import { REASON_FIELDS } from "../protocol/model-report.ts";
import { type Fields, toPlainShape } from "../protocol/plain-shape.ts";
import { ReasoningTags } from "./reasoning-tags.ts";

/** Other fields may hold reasoning in a form of the provider's own, so only fields that are known to hold none stay. */
const KWARGS = ["tool_calls", "function_call", "refusal"];
const RESPONSE = [...REASON_FIELDS, "model", "model_name", "model_provider"];

/** Types of content blocks that are reasoning, or may hold anything. */
const THOUGHT = /reason|think|thought|signature|non_standard/i;

/** Message types that hold no reasoning. */
const OTHERS = /^(?:human|system|tool|function|remove)(?:_chunk)?$/;

/**
 * For the `convert` option of `toJson`: returns the result of `toPlainShape` without reasoning. `said` removes
 * reasoning from a text.
 */
export function shapeWithoutReasoning(said: (text: string) => string): (value: object) => Fields | undefined {
  return (value) => {
    const shape = toPlainShape(value);
    if (typeof shape?.type === "string") return OTHERS.test(shape.type) ? shape : withoutReasoning(shape, said);
    return shape ?? generationWithoutReasoning(value as Fields, said);
  };
}

/** Removes reasoning between tags from a whole text. */
export function saidBetween(tags: readonly string[]): (text: string) => string {
  return (text) => {
    const reader = new ReasoningTags(tags);
    return [...reader.push(text), ...reader.end()].map(textIn).join("");
  };
}

/**
 * Removes reasoning between tags from a text that comes in pieces. Text that may still become a tag is held back, and
 * is lost at the end.
 */
export function saidInPieces(tags: readonly string[]): (text: string) => string {
  const reader = new ReasoningTags(tags);
  return (text) => reader.push(text).map(textIn).join("");
}

function textIn({ kind, text }: { readonly kind: string; readonly text: string }): string {
  return kind === "text" ? text : "";
}

function withoutReasoning(message: Fields, said: (text: string) => string): Fields {
  const { content, additional_kwargs, response_metadata } = message;
  return {
    ...message,
    content: typeof content === "string" ? said(content) : blocksWithoutReasoning(content, said),
    additional_kwargs: only(KWARGS, additional_kwargs),
    response_metadata: only(RESPONSE, response_metadata),
  };
}

function blocksWithoutReasoning(blocks: unknown, said: (text: string) => string): unknown {
  if (!Array.isArray(blocks)) return blocks;
  return blocks
    .filter((block) => !isRecord(block) || !(THOUGHT.test(String(block.type)) || block.thought === true))
    .map((block: unknown) => {
      if (typeof block === "string") return said(block);
      return isRecord(block) && typeof block.text === "string" ? { ...block, text: said(block.text) } : block;
    });
}

/** The output of a completion model. */
function generationWithoutReasoning(value: Fields, said: (text: string) => string): Fields | undefined {
  if (typeof value.text !== "string" || !("generationInfo" in value || "message" in value)) return undefined;
  return { text: said(value.text) };
}

/** `undefined` when no key is left, so that the field is left out. */
function only(keys: readonly string[], fields: unknown): Fields | undefined {
  const left = isRecord(fields) ? Object.entries(fields).filter(([key]) => keys.includes(key)) : [];
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}
