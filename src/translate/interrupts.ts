/** The questions of a graph that waits for a person, in AG-UI's shape. */
import type { Interrupt } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import { toJsonValue } from "../protocol/json.ts";

/** An interrupt as LangGraph reports it, with its origin as far as that is known. */
export interface Asked {
  readonly id: string;
  readonly value: unknown;
  /** The namespace of the node that asked. */
  readonly place?: string | undefined;
  readonly toolCallId?: string | undefined;
  /** The run of the tool. */
  readonly toolRunId?: string | undefined;
}

/**
 * LangGraph gives an id and any value. This looks in the value for parts that a client can show or build a form from.
 */
export function toInterrupt(
  { id, value, toolCallId: made, toolRunId }: Asked,
  /** The id that clients know a call by. */
  knownAs: (given: string, toolRunId: string | undefined) => string = (given) => given,
): Interrupt {
  const fields = isRecord(value) ? value : {};
  const message = typeof value === "string" ? value : firstText(fields.message, fields.question, fields.prompt);
  const schema = [fields.responseSchema, fields.response_schema].find(isRecord);
  const given = firstText(fields.toolCallId, fields.tool_call_id, made);
  return {
    id,
    reason: firstText(fields.reason) ?? "input_required",
    ...(message ? { message } : {}),
    ...(given ? { toolCallId: knownAs(given, given === made ? toolRunId : undefined) } : {}),
    ...(schema ? { responseSchema: toJsonValue(schema) as Record<string, unknown> } : {}),
    metadata: { value: toJsonValue(value ?? null) },
  };
}

function firstText(...candidates: unknown[]): string | undefined {
  return candidates.find((candidate): candidate is string => typeof candidate === "string" && candidate !== "");
}
