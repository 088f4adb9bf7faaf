/** Sentences for the codes in events. */
import type { AguiEvent, EventType, Interrupt } from "../../protocol/events.ts";
import type { InjectedState } from "../../protocol/injected.ts";
import type { LineError } from "../transport/transport.ts";

export function runError(event: AguiEvent & { type: EventType.RUN_ERROR }): LineError {
  return { code: event.code ?? "internal", message: event.message, retryable: event.metadata?.retryable === true };
}

export function sentence(outcome: string, error: LineError | undefined, interrupts: readonly Interrupt[]): string {
  if (error) return `The run failed: ${error.message}`;
  if (outcome === "cancelled") return "Stopped.";
  return interrupts.length > 0 ? `Waiting for your answer: ${interrupts[0]?.message ?? ""}` : "Done.";
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A skipped question, as the graph receives it. A tool that asks a question may return this as its result. */
const SKIPPED = /^\s*\{\s*"__agui_cancelled__":\s*true\s*\}\s*$/;

/** Returns a tool's result as text. A part that is not text becomes its type in brackets. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return SKIPPED.test(content) ? "The question was skipped." : content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map((part) => (part?.type === "text" ? String(part.text) : `[${String(part?.type)}]`)).join("\n");
}

const INJECTED = {
  waiting: "A message waits for the agent.",
  taken: "The agent has taken the message.",
  returned: "The run ended without the message. It is returned.",
};

/** Returns the announcement for a message that was sent into a run. */
export function injectedSentence(state: InjectedState): string {
  return INJECTED[state];
}
