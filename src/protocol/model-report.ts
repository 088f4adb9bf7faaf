/** The facts that a provider reports beside a model's answer: why it stopped, and what it used. */
import { isRecord } from "./input.ts";

/** The places to look: the message, and for completion models the values beside their text. */
export interface Reported {
  readonly usage_metadata?: unknown;
  readonly response_metadata?: unknown;
  readonly additional_kwargs?: unknown;
}

/** OpenAI, Mistral and Groq say finish_reason, Anthropic stop_reason, Google finishReason, Ollama done_reason. */
const REASONS = ["finish_reason", "stop_reason", "finishReason", "done_reason", "stopReason"];

/** Fields that say why a model stopped, and hold nothing of what it said or thought. */
export const REASON_FIELDS: readonly string[] = [...REASONS, "messageStop", "status", "incomplete_details"];

/** Statuses of OpenAI's Responses API that are no end. */
const GOING_ON: ReadonlySet<unknown> = new Set(["queued", "in_progress"]);

/** Why the model stopped, in its provider's own word, where these fields say so. */
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
 * The tokens that an answer used, as LangChain's `usage_metadata` has it. Some packages leave that out, and keep their
 * provider's own figures beside it.
 */
export function usageOf({ usage_metadata: usage, response_metadata: about }: Reported): unknown {
  if (isRecord(usage)) return usage;
  return isRecord(about) ? usageIn(about) : undefined;
}

/** The same, from the fields that a provider's figures are kept in. */
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
