/** AG-UI's events (protocol 1.0), and the few facts about them that more than one room needs. */
import { type AGUIEvent, EventType } from "@ag-ui/core";

export type {
  AssistantMessage,
  ContentPart,
  Context,
  Interrupt,
  Message,
  ResumeEntry,
  RunAgentInput,
  TokenUsage,
  Tool,
  ToolCall,
  ToolMessage,
  UserMessage,
} from "@ag-ui/core";
export { EventType };
/** An event of AG-UI 1.0. */
export type AguiEvent = AGUIEvent;

/** Does this event end its run? Exactly one such event ends every run. */
export function isTerminal(type: EventType): boolean {
  return type === EventType.RUN_FINISHED || type === EventType.RUN_ERROR;
}

/** An event's place in its span. A `point` belongs to no span. */
export type Edge = "open" | "inside" | "close" | "point";

/** A START event opens a span, and an END event closes it. Its key is unique among the open spans of a run. */
export interface SpanPosition {
  readonly span: string | undefined;
  readonly edge: Edge;
}

const POINT: SpanPosition = { span: undefined, edge: "point" };

/** The span an event belongs to. The reasoning bracket and its message are one span: they share their messageId. */
export function spanPosition(event: AguiEvent): SpanPosition {
  switch (event.type) {
    case EventType.TEXT_MESSAGE_START:
      return { span: `text:${event.messageId}`, edge: "open" };
    case EventType.TEXT_MESSAGE_CONTENT:
      return { span: `text:${event.messageId}`, edge: "inside" };
    case EventType.TEXT_MESSAGE_END:
      return { span: `text:${event.messageId}`, edge: "close" };
    case EventType.TOOL_CALL_START:
      return { span: `tool:${event.toolCallId}`, edge: "open" };
    case EventType.TOOL_CALL_ARGS:
      return { span: `tool:${event.toolCallId}`, edge: "inside" };
    case EventType.TOOL_CALL_END:
      return { span: `tool:${event.toolCallId}`, edge: "close" };
    case EventType.REASONING_START:
      return { span: `reasoning:${event.messageId}`, edge: "open" };
    case EventType.REASONING_MESSAGE_START:
    case EventType.REASONING_MESSAGE_CONTENT:
    case EventType.REASONING_MESSAGE_END:
      return { span: `reasoning:${event.messageId}`, edge: "inside" };
    case EventType.REASONING_END:
      return { span: `reasoning:${event.messageId}`, edge: "close" };
    case EventType.STEP_STARTED:
      return { span: `step:${event.stepName}`, edge: "open" };
    case EventType.STEP_FINISHED:
      return { span: `step:${event.stepName}`, edge: "close" };
    case EventType.SUBAGENT_STARTED:
      return { span: `subagent:${event.subagentRunId}`, edge: "open" };
    case EventType.SUBAGENT_FINISHED:
    case EventType.SUBAGENT_ERROR:
      return { span: `subagent:${event.subagentRunId}`, edge: "close" };
    default:
      return POINT;
  }
}

/** The events that carry a `delta` of text and may be merged with a neighbour of the same type and span. */
export type DeltaEvent = Extract<
  AguiEvent,
  { type: EventType.TEXT_MESSAGE_CONTENT | EventType.TOOL_CALL_ARGS | EventType.REASONING_MESSAGE_CONTENT }
>;

export function isDelta(event: AguiEvent): event is DeltaEvent {
  return (
    event.type === EventType.TEXT_MESSAGE_CONTENT ||
    event.type === EventType.TOOL_CALL_ARGS ||
    event.type === EventType.REASONING_MESSAGE_CONTENT
  );
}

/** Which message or tool call a delta belongs to. */
function deltaOf(event: DeltaEvent): string {
  return event.type === EventType.TOOL_CALL_ARGS ? event.toolCallId : event.messageId;
}

/** Are both deltas of one span? */
export function continues(a: AguiEvent, b: AguiEvent): boolean {
  return a.type === b.type && isDelta(a) && isDelta(b) && deltaOf(a) === deltaOf(b);
}

/** `b` appended to `a` when both are deltas of one span, else nothing. */
export function mergeDeltas(a: AguiEvent, b: AguiEvent): AguiEvent | undefined {
  if (!isDelta(a) || !isDelta(b) || !continues(a, b)) return undefined;
  return { ...a, delta: a.delta + b.delta };
}
