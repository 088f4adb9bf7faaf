/**
 * Custom events, and the names by which graphs written for AG-UI frontends ask for more than a CUSTOM event.
 * (Source: the conventions of `@ag-ui/langgraph` and CopilotKit's SDK.)
 */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonLimits, toJson, toJsonValue } from "../protocol/json.ts";
import { type ActivityWish, activityIn } from "./activities.ts";

/** The request that a custom event makes, in addition to being sent. */
export type CustomWish =
  | { readonly kind: "event"; readonly events: AguiEvent[] }
  | { readonly kind: "message"; readonly messageId: string; readonly text: string }
  | { readonly kind: "tool_call"; readonly toolCallId: string; readonly name: string; readonly args: string }
  | { readonly kind: "state"; readonly values: Readonly<Record<string, unknown>> }
  | { readonly kind: "activity"; readonly activity: ActivityWish };

/** `limits`: how messages in the value are written. */
export function readCustom(event: GraphEvent, limits?: JsonLimits): CustomWish {
  const { data } = event;
  const fields = isRecord(data) ? data : {};
  switch (event.name.replace(/^copilotkit_/, "")) {
    case "manually_emit_message": {
      const text = typeof data === "string" ? data : fields.message;
      const messageId = fields.message_id ?? `${event.run_id}-message`;
      if (typeof text === "string" && typeof messageId === "string") return { kind: "message", messageId, text };
      break;
    }
    case "manually_emit_tool_call": {
      const { id, name, args } = fields;
      if (typeof id === "string" && typeof name === "string") {
        return {
          kind: "tool_call",
          toolCallId: id,
          name,
          args: typeof args === "string" ? args : toJson(args ?? {}, limits),
        };
      }
      break;
    }
    case "manually_emit_state":
    case "manually_emit_intermediate_state":
      if (isRecord(data)) return { kind: "state", values: data };
      break;
    case "manually_emit_activity": {
      const activity = activityIn(data, limits);
      if (activity) return { kind: "activity", activity };
      break;
    }
  }
  return { kind: "event", events: [plainCustom(event, limits)] };
}

/** The event as it is, without the request that it makes. */
export function plainCustom({ name, data }: GraphEvent, limits?: JsonLimits): AguiEvent {
  return { type: EventType.CUSTOM, name, value: toJsonValue(data ?? null, limits) };
}
