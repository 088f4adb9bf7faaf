/** The beginning and the end of a run, and the ends of its model calls, as events. */
import { type AguiEvent, EventType, type Message, type TokenUsage } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { toJsonValue } from "../protocol/json.ts";
import type { RunEnd, TranslatorOptions } from "./translator.ts";

/** `forked`: the part of the thread after the history no longer holds. */
export function firstEvents(
  { threadId, runId, history, shown = history }: TranslatorOptions,
  fresh: readonly Message[],
  forked: boolean,
): AguiEvent[] {
  const input = { threadId, runId, messages: [...fresh], tools: [], context: [] };
  return [
    { type: EventType.RUN_STARTED, threadId, runId, protocolVersion: "1.0", input },
    ...(forked ? [{ type: EventType.MESSAGES_SNAPSHOT as const, messages: [...shown, ...fresh] }] : []),
  ];
}

/** The result of a model call: how much of which limit it used, and why it stopped. */
export function modelCallEvent(event: GraphEvent, messageId: string, usage: TokenUsage | undefined): AguiEvent {
  const { ls_provider: provider, ls_model_name: model, ls_max_tokens: maxTokens } = event.metadata;
  const { finishReason } = event;
  return {
    type: EventType.CUSTOM,
    name: "sluice.model_call",
    value: toJsonValue({ messageId, provider, model, usage, finishReason, maxTokens }),
  };
}

/** The facts in the run's last event beside its outcome. */
export interface RunTotals {
  readonly usage: TokenUsage[] | undefined;
  readonly finishReason: string | undefined;
  /** Calls to the client's own tools that nobody answered. */
  readonly pendingCalls: readonly string[];
}

export function terminalEvent(
  { threadId, runId }: { readonly threadId: string; readonly runId: string },
  end: RunEnd,
  { usage, finishReason, pendingCalls }: RunTotals,
): AguiEvent {
  if (end.kind === "failed") {
    const { code, message, retryable } = end.error;
    return { type: EventType.RUN_ERROR, message, code, metadata: { retryable }, ...(usage ? { usage } : {}) };
  }
  const metadata = {
    ...(finishReason ? { finishReason } : {}),
    ...("incomplete" in end && end.incomplete ? { incomplete: true } : {}),
  };
  return {
    type: EventType.RUN_FINISHED,
    threadId,
    runId,
    ...(end.kind === "done" && pendingCalls.length > 0
      ? { outcome: { type: "success", pendingToolCallIds: [...pendingCalls] } }
      : {}),
    ...(end.kind === "interrupted" ? { outcome: { type: "interrupt", interrupts: [...end.interrupts] } } : {}),
    ...(end.kind === "cancelled" ? { outcome: { type: "cancelled" } } : {}),
    ...(usage ? { usage } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}
