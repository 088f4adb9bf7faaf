/** Which parts of a graph event's `data` may leave. Chains hold the graph's state, a model's input is the prompt. */
import type { GraphEvent, GraphEventName } from "./graph-event.ts";
import { toJsonValue, UNREADABLE } from "./json.ts";
import { redact } from "./redact.ts";
import { withoutStack } from "./text.ts";

/** Dotted paths into `data`, by event name. */
export type DataFields = Partial<Record<GraphEventName, readonly string[]>>;

/** The limit for the text of an error. */
const ERROR_BYTES = { maxBytes: 16_384 };

/** The fields that leave by default. Events that are not named here leave with all their fields. */
const DEFAULT_FIELDS: DataFields = {
  on_chain_start: [],
  on_chain_stream: [],
  on_chain_end: [],
  on_prompt_start: [],
  on_prompt_end: [],
  on_chat_model_start: [],
  on_chat_model_end: ["output"],
  on_llm_start: [],
  on_llm_end: ["output"],
  on_tool_error: ["input", "error"],
};

/**
 * The parts of an event's `data` that may leave: for the events named in `fields` the values at their paths, for all
 * others the default. A path keeps its nesting, an unknown one is skipped, and only own properties are read.
 */
export function publicData({ event, data }: GraphEvent, fields: DataFields = {}): unknown {
  const paths = fields[event] ?? DEFAULT_FIELDS[event];
  if (!paths) return data;
  const picked = pick(
    data,
    paths.map((path) => path.split(".")),
  );
  return event === "on_tool_error" && "error" in picked ? { ...picked, error: errorText(picked.error) } : picked;
}

/** Copies the parts of `source` at `paths` into new objects, because `source` is the graph's live data. */
function pick(source: unknown, paths: readonly (readonly string[])[]): Record<string, unknown> {
  const heads = new Set(paths.flatMap((path) => path.slice(0, 1)));
  const picked = Object.entries(ownFields(source, heads)).flatMap(([key, value]) => {
    const rests = paths.filter((path) => path[0] === key).map((path) => path.slice(1));
    if (rests.some((rest) => rest.length === 0)) return [[key, value] as const];
    const inner = pick(value, rests);
    return Object.keys(inner).length === 0 ? [] : [[key, inner] as const];
  });
  return Object.fromEntries(picked); // defines even `__proto__` as an own property
}

/** The own properties of `source` among `keys`; inherited ones are left out. Never throws. */
export function ownFields(source: unknown, keys: Iterable<string>): Record<string, unknown> {
  if (typeof source !== "object" || source === null) return {};
  const fields: [string, unknown][] = [];
  for (const key of keys) {
    try {
      if (Object.hasOwn(source, key)) fields.push([key, (source as Record<string, unknown>)[key]]);
    } catch {
      fields.push([key, UNREADABLE]);
    }
  }
  return Object.fromEntries(fields);
}

/** v2 gives the message, the message again and the stack in one string. */
function errorText(error: unknown): string {
  const value = toJsonValue(error, ERROR_BYTES);
  const message = typeof value === "object" && value !== null && "message" in value ? value.message : value;
  return (typeof message === "string" && redact(withoutStack(message))) || "The tool failed.";
}
