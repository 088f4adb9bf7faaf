/** Reads a run's whole result from the log, for routes that do not stream. */

import { follow } from "../log/follow.ts";
import type { EventLog } from "../log/log.ts";
import { ERRORS, type ErrorCode, SluiceError } from "../protocol/errors.ts";
import {
  type AguiEvent,
  EventType,
  type Interrupt,
  isTerminal,
  type Message,
  type TokenUsage,
} from "../protocol/events.ts";
import type { RunHandle } from "../runs/handle.ts";
import { Transcript } from "../store/transcript.ts";

/** The end of a run, and what it added to its thread. */
export interface RunResult {
  readonly threadId: string;
  readonly runId: string;
  readonly outcome: "success" | "interrupt" | "cancelled";
  /** The messages that this run added, in order. */
  readonly messages: readonly Message[];
  readonly interrupts?: readonly Interrupt[];
  readonly usage?: readonly TokenUsage[];
  readonly finishReason?: string;
  /** An answer of a model was cut off. */
  readonly incomplete?: true;
}

/**
 * Waits for the run's end. `undefined` when `signal` aborts first.
 * @throws SluiceError the run's own error; `not_found` when the log no longer has its beginning.
 */
export async function readResult(log: EventLog, run: RunHandle, signal: AbortSignal): Promise<RunResult | undefined> {
  const transcript = new Transcript([]);
  const ends: AguiEvent[] = [];
  await follow(log, run.topic, run.from, signal, async ({ gap, entries, next }) => {
    if (gap) throw new SluiceError("not_found", "The run's events are no longer kept. Read GET /threads/:id/messages.");
    for (const entry of entries) {
      if (entry.runId !== run.runId) continue;
      const event = JSON.parse(entry.json) as AguiEvent;
      if (isTerminal(event.type)) {
        ends.push(event);
        return undefined;
      }
      // The messages that came with the run are the client's own.
      if (event.type !== EventType.RUN_STARTED) transcript.push(ownPart(event, transcript));
    }
    return next;
  });
  const [end] = ends;
  return end && result(end, transcript.messages, run);
}

/**
 * Keeps only the run's own messages of a snapshot, which also has the rest of the thread, and the messages of waiting
 * starts.
 */
function ownPart(event: AguiEvent, { messages }: Transcript): AguiEvent {
  if (event.type !== EventType.MESSAGES_SNAPSHOT) return event;
  const own = new Set(messages.map(({ id }) => id));
  return { ...event, messages: event.messages.filter(({ id }) => own.has(id)) };
}

function result(event: AguiEvent, messages: readonly Message[], { threadId, runId }: RunHandle): RunResult {
  if (event.type === EventType.RUN_ERROR) {
    const code = event.code !== undefined && event.code in ERRORS ? (event.code as ErrorCode) : "internal";
    throw new SluiceError(code, event.message, { details: { threadId, runId } });
  }
  if (event.type !== EventType.RUN_FINISHED) throw new Error(`${event.type} does not end a run.`);
  const { outcome, usage, metadata } = event;
  return {
    threadId,
    runId,
    outcome: outcome?.type ?? "success",
    messages,
    ...(outcome?.type === "interrupt" ? { interrupts: outcome.interrupts } : {}),
    ...(usage ? { usage } : {}),
    ...(typeof metadata?.finishReason === "string" ? { finishReason: metadata.finishReason } : {}),
    ...(metadata?.incomplete === true ? { incomplete: true } : {}),
  };
}

/** The answer of `POST /chat`: the last text, the reasoning, and the tool calls. */
export function chatAnswer(result: RunResult): object {
  const { threadId, runId, messages, interrupts, usage, finishReason } = result;
  const said = messages.findLast((message) => message.role === "assistant" && message.content);
  const reasoning = messages.flatMap((message) => (message.role === "reasoning" ? [message.content] : [])).join("\n");
  const results = new Map(
    messages.flatMap((message) => (message.role === "tool" ? [[message.toolCallId, message]] : [])),
  );
  const toolCalls = messages.flatMap((message) =>
    message.role !== "assistant"
      ? []
      : (message.toolCalls ?? []).map((call) => ({
          id: call.id,
          name: call.function.name,
          arguments: call.function.arguments,
          result: results.get(call.id)?.content,
        })),
  );
  return {
    threadId,
    runId,
    message: said?.content ?? "",
    ...(reasoning ? { reasoning } : {}),
    toolCalls,
    ...(interrupts ? { interrupts } : {}),
    ...(result.incomplete ? { incomplete: true } : {}),
    usage: usage ?? [],
    finishReason: result.outcome === "success" ? (finishReason ?? null) : result.outcome,
  };
}
