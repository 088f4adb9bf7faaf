/**
 * Turns events of v1 into events of v2. v1 calls a chat model an `llm`, wraps its chunks, and puts its output into
 * generations.
 */
import type { GraphEvent, GraphEventName } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";

/** The same event as v2 would have reported it. */
export function fromV1(event: GraphEvent): GraphEvent {
  if (!event.event.startsWith("on_llm_") || !isRecord(event.data)) return event;
  const { input, chunk, output } = event.data;
  const name = event.event.replace("on_llm_", "on_chat_model_") as GraphEventName;
  if (isRecord(chunk) && "message" in chunk) return { ...event, event: name, data: { chunk: chunk.message } };
  const message = firstMessage(output);
  if (message !== undefined) return { ...event, event: name, data: { input, output: message } };
  return isRecord(input) && "messages" in input ? { ...event, event: name } : event;
}

function firstMessage(output: unknown): unknown {
  if (!isRecord(output) || !Array.isArray(output.generations)) return undefined;
  const generation: unknown = (output.generations as unknown[]).flat()[0];
  return isRecord(generation) ? generation.message : undefined;
}

/**
 * The name and the data of what `config.writer` wrote. A value `{name, value}` gives the event's name, as in AG-UI's own
 * CUSTOM event.
 */
export function written(value: unknown): { readonly name: string; readonly data: unknown } {
  const named = isRecord(value) && typeof value.name === "string" && "value" in value;
  return named ? { name: value.name as string, data: value.value } : { name: "custom", data: value };
}
