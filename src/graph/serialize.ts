/** A graph event as the `langgraph` format shows it: LangGraph's own event, reduced to what may leave. */
import type { GraphEvent, GraphEventName } from "../protocol/graph-event.ts";
import { toJson, toJsonValue, UNREADABLE } from "../protocol/json.ts";
import { redact } from "../protocol/redact.ts";
import { withoutStack } from "../protocol/text.ts";
import { toPlainShape } from "./messages.ts";

export interface SerializeOptions {
  /**
   * Which parts of `data` leave, by event name, as dotted paths: `{"on_chain_end": ["output.answer"]}`. For the events
   * named here it replaces the default; for all others the default holds. A path keeps its nesting, an unknown one is
   * skipped, and only own properties are read. Default: none.
   */
  readonly fields?: Partial<Record<GraphEventName, readonly string[]>>;
  /** Bytes of `data` as JSON in UTF-8. Default 262144 (256 KiB). What does not fit is left out with a mark. */
  readonly maxBytes?: number;
}

/** What leaves when nobody says otherwise. Chains hold the graph's state, a model's input is the prompt. */
const DEFAULT_FIELDS: Partial<Record<GraphEventName, readonly string[]>> = {
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

/** LangGraph copies all of `configurable` into the metadata, so any other key may be somebody's secret. */
const PUBLIC_METADATA = [
  "thread_id",
  "run_id",
  "agent",
  "langgraph_node",
  "langgraph_step",
  "langgraph_checkpoint_ns",
  "langgraph_triggers",
  "langgraph_path",
  "ls_provider",
  "ls_model_name",
  "ls_model_type",
];

/** Bytes for each thing around `data`. All of them together are a few hundred, unless somebody's graph is at fault. */
const AROUND = { maxBytes: 16_384 };

/**
 * `event` as one frame of the `langgraph` format, without a cursor:
 * `{"event","name","run_id","tool_call_id"?,"finish_reason"?,"tags","data","metadata"}`. Never throws.
 */
export function serializeGraphEvent(event: GraphEvent, options: SerializeOptions = {}): string {
  const { event: kind, name, run_id, toolCallId: tool_call_id, finishReason: finish_reason, tags } = event;
  const head = toJson({ event: kind, name, run_id, tool_call_id, finish_reason, tags: tags ?? [] }, AROUND);
  const data = toJson(publicData(event, options.fields), { maxBytes: options.maxBytes, convert: toPlainShape });
  const metadata = toJson(ownFields(event.metadata, PUBLIC_METADATA), AROUND);
  return `${head.slice(0, -1)},"data":${data},"metadata":${metadata}}`;
}

function publicData({ event, data }: GraphEvent, fields: SerializeOptions["fields"]): unknown {
  const paths = fields?.[event] ?? DEFAULT_FIELDS[event];
  if (!paths) return data;
  const picked = pick(
    data,
    paths.map((path) => path.split(".")),
  );
  return event === "on_tool_error" && "error" in picked ? { ...picked, error: toldError(picked.error) } : picked;
}

/** The parts of `source` that `paths` lead to, in objects of our own: `source` is the graph's live data. */
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

/** Those of `keys` that `source` itself has, nothing that it inherits. Never throws. */
function ownFields(source: unknown, keys: Iterable<string>): Record<string, unknown> {
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
function toldError(error: unknown): string {
  const value = toJsonValue(error, AROUND);
  const message = typeof value === "object" && value !== null && "message" in value ? value.message : value;
  return (typeof message === "string" && redact(withoutStack(message))) || "The tool failed.";
}
