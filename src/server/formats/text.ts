/** `text`: lines for a person, for example in wscat. */
import { type AguiEvent, EventType } from "../../protocol/events.ts";
import type { Outgoing } from "../view.ts";
import type { Format } from "./format.ts";

/** The most characters of a result that are shown. */
const MAX_RESULT = 400;

export function textFormat(): Format {
  const calls = new Map<string, { name: string; args: string }>();
  const subagents = new Map<string, string>();
  /** Open messages of users. */
  const asked = new Set<string>();
  const lines = (event: AguiEvent): string[] => {
    switch (event.type) {
      case EventType.TEXT_MESSAGE_START:
        if (event.role === "user") asked.add(event.messageId);
        return [];
      case EventType.TEXT_MESSAGE_CONTENT:
        return [asked.delete(event.messageId) ? `[user] ${event.delta}` : event.delta];
      case EventType.REASONING_MESSAGE_CONTENT:
        return [event.delta];
      case EventType.REASONING_START:
        return ["[thinking]"];
      case EventType.REASONING_END:
        return ["[/thinking]"];
      case EventType.TOOL_CALL_START:
        calls.set(event.toolCallId, { name: event.toolCallName, args: "" });
        return [];
      case EventType.TOOL_CALL_ARGS: {
        const call = calls.get(event.toolCallId);
        if (call) call.args += event.delta;
        return [];
      }
      case EventType.TOOL_CALL_END: {
        const call = calls.get(event.toolCallId);
        return call ? [`[tool] ${call.name} ${call.args}`] : [];
      }
      case EventType.TOOL_CALL_RESULT: {
        const name = calls.get(event.toolCallId)?.name ?? "tool";
        calls.delete(event.toolCallId);
        const result = typeof event.content === "string" ? event.content : JSON.stringify(event.content);
        return [`[${event.metadata?.error ? "failed" : "result"}] ${name}: ${shorten(result)}`];
      }
      case EventType.RUN_FINISHED:
        return [ending(event)];
      case EventType.RUN_ERROR:
        return [`[error] ${event.code ?? "internal"}: ${event.message}`];
      case EventType.CUSTOM:
        if (isSubagent(event.name)) return [subagentLine(event.name, event.value as About, subagents)];
        if (event.name === "sluice.notice") return [String(event.value)];
        if (event.name === "sluice.model_call" || event.name === "sluice.progress") return []; // For programs.
        if (event.name === "sluice.error") return [`[error] ${(event.value as { message: string }).message}`];
        return [`[${event.name}] ${shorten(JSON.stringify(event.value))}`];
      case EventType.SUBAGENT_STARTED:
      case EventType.SUBAGENT_FINISHED:
      case EventType.SUBAGENT_ERROR:
        return [subagentLine(event.type, event, subagents)];
      case EventType.ACTIVITY_SNAPSHOT:
        return [`[${event.activityType}] ${shorten(JSON.stringify(event.content))}`];
      case EventType.ACTIVITY_DELTA:
        return [`[${event.activityType}] ${shorten(JSON.stringify(event.patch))}`];
      default:
        return [];
    }
  };
  return {
    graph: false,
    encode: ({ json, type }: Outgoing) => (isAgui(type) ? lines(JSON.parse(json) as AguiEvent) : []),
  };
}

interface About {
  readonly subagentRunId: string;
  readonly name?: string;
  readonly message?: string;
}

/** Clients of the older generation get these events as custom ones. */
function isSubagent(name: string): boolean {
  return name.startsWith("SUBAGENT_");
}

function subagentLine(type: string, { subagentRunId, name, message }: About, names: Map<string, string>): string {
  if (name !== undefined) names.set(subagentRunId, name);
  const known = names.get(subagentRunId) ?? "subagent";
  if (type === EventType.SUBAGENT_STARTED) return `[subagent] ${known}`;
  names.delete(subagentRunId);
  return `[/subagent] ${known}${message === undefined ? "" : `: ${message}`}`;
}

function isAgui(type: Outgoing["type"]): boolean {
  return type !== "GRAPH" && type !== "GRAPH_END";
}

function ending(event: Extract<AguiEvent, { type: EventType.RUN_FINISHED }>): string {
  if (event.outcome?.type === "cancelled") return "[cancelled]";
  if (event.outcome?.type !== "interrupt") return "[done]";
  const asks = event.outcome.interrupts.map((interrupt) => interrupt.message ?? interrupt.reason).join(" / ");
  return `[waiting] ${asks} (answer with /approve or /reject)`;
}

function shorten(text: string): string {
  return text.length > MAX_RESULT ? `${text.slice(0, MAX_RESULT)}…` : text;
}
