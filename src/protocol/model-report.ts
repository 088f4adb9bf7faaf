/** The facts that a provider reports beside a model's answer: why it stopped, and what it used. */
import { isRecord } from "./input.ts";

/** The fields to look in: those of a message, or for completion models the values next to the text. */
export interface Reported {
  readonly usage_metadata?: unknown;
  readonly response_metadata?: unknown;
  readonly additional_kwargs?: unknown;
}

/** OpenAI, Mistral and Groq say finish_reason, Anthropic stop_reason, Google finishReason, Ollama done_reason. */
const REASONS = ["finish_reason", "stop_reason", "finishReason", "done_reason", "stopReason"];

/** Fields that say why a model stopped. They contain nothing of its answer or its reasoning. */
export const REASON_FIELDS: readonly string[] = [...REASONS, "messageStop", "status", "incomplete_details"];

/** Statuses of OpenAI's Responses API for an answer that has not ended. */
const GOING_ON: ReadonlySet<unknown> = new Set(["queued", "in_progress"]);

/** Returns why the model stopped, in its provider's word, if these fields say so. */
export function finishReasonIn(fields: Readonly<Record<string, unknown>>): string | undefined {
  return candidates(fields).find((reason): reason is string => typeof reason === "string" && reason !== "");
}

/** Do these fields say that the model stopped, even where they leave the reason empty? */
export function saysItStopped(fields: Readonly<Record<string, unknown>>): boolean {
  return candidates(fields).some((reason) => reason !== undefined && reason !== null);
}

function candidates(fields: Readonly<Record<string, unknown>>): unknown[] {
  const { messageStop: bedrock, incomplete_details: cut, status } = fields;
  return [
    ...REASONS.map((key) => fields[key]),
    isRecord(bedrock) ? bedrock.stopReason : undefined,
    // OpenAI's Responses API has a status instead, and the reason beside it where the answer was cut.
    isRecord(cut) ? cut.reason : undefined,
    GOING_ON.has(status) ? undefined : status,
  ];
}

/**
 * Returns the tokens that an answer used, in the form of LangChain's `usage_metadata`. Some packages leave this field
 * out, and keep only their provider's figures.
 */
export function usageOf({ usage_metadata: usage, response_metadata: about }: Reported): unknown {
  if (isRecord(usage)) return usage;
  return isRecord(about) ? usageIn(about) : undefined;
}

/** Returns the same from the fields with a provider's figures. */
export function usageIn({ usage, tokenUsage }: Readonly<Record<string, unknown>>): unknown {
  const own = [usage, tokenUsage].find(isRecord);
  if (!own) return undefined;
  const input_tokens = figure(own, ["input_tokens", "prompt_tokens", "inputTokens", "promptTokens"]);
  const output_tokens = figure(own, ["output_tokens", "completion_tokens", "outputTokens", "completionTokens"]);
  if (input_tokens === undefined && output_tokens === undefined) return undefined;
  const sum = (input_tokens ?? 0) + (output_tokens ?? 0);
  const total_tokens = figure(own, ["total_tokens", "totalTokens"]) ?? sum;
  return { input_tokens: input_tokens ?? 0, output_tokens: output_tokens ?? 0, total_tokens };
}

function figure(fields: Readonly<Record<string, unknown>>, names: readonly string[]): number | undefined {
  return names.map((name) => fields[name]).find((value): value is number => typeof value === "number");
}
