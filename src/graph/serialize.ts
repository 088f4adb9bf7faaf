/** A graph event as the `langgraph` format shows it: LangGraph's own event, reduced to what may leave. */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { type JsonLimits, toJson } from "../protocol/json.ts";
import { toPlainShape } from "../protocol/plain-shape.ts";
import { type DataFields, ownFields, publicData } from "../protocol/public-data.ts";

export interface SerializeOptions {
  /**
   * The parts of `data` that are sent, by event name, as `publicData` reads them. Default: only the parts that may
   * always be sent.
   */
  readonly fields?: DataFields;
  /** Bytes of `data` as JSON in UTF-8. Default 262144 (256 KiB). The rest is left out with a mark. */
  readonly maxBytes?: number;
  /** Converts messages and similar objects in `data`. Default: plain shapes. */
  readonly convert?: JsonLimits["convert"];
}

/** LangGraph copies all of `configurable` into the metadata, so any other key may hold a secret. */
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

/** The most bytes for each field beside `data`. Usually all of these fields together have a few hundred. */
const AROUND = { maxBytes: 16_384 };

/**
 * `event` as one frame of the `langgraph` format, without a cursor:
 * `{"event","name","run_id","tool_call_id"?,"finish_reason"?,"tags","data","metadata"}`. Never throws.
 */
export function serializeGraphEvent(event: GraphEvent, options: SerializeOptions = {}): string {
  const { fields, maxBytes, convert = toPlainShape } = options;
  const { event: kind, name, run_id, toolCallId: tool_call_id, finishReason: finish_reason, tags } = event;
  const head = toJson({ event: kind, name, run_id, tool_call_id, finish_reason, tags: tags ?? [] }, AROUND);
  const data = toJson(publicData(event, fields), { maxBytes, convert });
  const metadata = toJson(ownFields(event.metadata, PUBLIC_METADATA), AROUND);
  return `${head.slice(0, -1)},"data":${data},"metadata":${metadata}}`;
}
