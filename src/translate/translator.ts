/**
 * Graph events in, AG-UI events out. Pure and synchronous: no clock, no I/O. What it gives is always a legal AG-UI
 * sequence with exactly one terminal event, whatever the graph does and wherever it stops.
 *
 * Everything is keyed by LangGraph's run id: message ids change inside one message, and parallel runs interleave.
 */
import type { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { HeldDeltas } from "../protocol/held-deltas.ts";
import { isRecord } from "../protocol/input.ts";
import { toJsonValue } from "../protocol/json.ts";
import { asMessage, type MessageLike } from "./content.ts";
import { MessageSpans } from "./message-spans.ts";
import { NodeMessages } from "./node-messages.ts";
import { isNode, Steps } from "./steps.ts";
import { ToolCalls } from "./tools.ts";
import { Usage } from "./usage.ts";

/** How a run ended. */
export type RunEnd =
  | { readonly kind: "done" }
  | { readonly kind: "interrupted"; readonly interrupts: readonly [Interrupt, ...Interrupt[]] }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly error: SluiceError };

export interface TranslatorOptions {
  readonly threadId: string;
  readonly runId: string;
  /** What the client was told on this thread before: those messages and tool calls are not announced again. */
  readonly history: readonly Message[];
  /** `false`: each message leaves once, whole. */
  readonly tokens: boolean;
  /** `false`: no reasoning leaves. */
  readonly reasoning: boolean;
}

export interface Translator {
  /** The run's first event. `fresh` are the messages that came with this run. */
  start(fresh: readonly Message[]): AguiEvent[];
  /** Events for an admitted graph event. */
  push(event: GraphEvent): AguiEvent[];
  /** Closers for a refused one: the end of what was opened. Never reads its `data`. `placeAdmitted`: only its name was refused. */
  refused(event: GraphEvent, placeAdmitted: boolean): AguiEvent[];
  /** Closers, then the terminal event. Afterwards nothing more comes. */
  finish(end: RunEnd): AguiEvent[];
}

export function createTranslator(options: TranslatorOptions): Translator {
  return new RunTranslator(options);
}

class RunTranslator implements Translator {
  readonly #options: TranslatorOptions;
  readonly #messages = new Map<string, MessageSpans>();
  /** Model runs that said nothing yet but streamed: their finished message is no news. */
  readonly #streamed = new Set<string>();
  readonly #steps = new Steps();
  readonly #tools: ToolCalls;
  readonly #nodeMessages: NodeMessages;
  readonly #usage = new Usage();
  readonly #held: HeldDeltas | undefined;
  #finishReason: string | undefined;
  #finished = false;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#held = options.tokens ? undefined : new HeldDeltas();
    this.#nodeMessages = new NodeMessages(options.history.map((message) => message.id));
    this.#tools = new ToolCalls(
      options.history.flatMap((message) =>
        message.role === "assistant" ? (message.toolCalls ?? []).map((call) => call.id) : [],
      ),
    );
  }

  start(fresh: readonly Message[]): AguiEvent[] {
    const { threadId, runId } = this.#options;
    for (const message of fresh) this.#nodeMessages.addKnown(message.id);
    const input = { threadId, runId, messages: [...fresh], tools: [], context: [] };
    return [{ type: EventType.RUN_STARTED, threadId, runId, protocolVersion: "1.0", input }];
  }

  push(event: GraphEvent): AguiEvent[] {
    const out = this.#translate(event);
    return this.#held ? this.#held.pass(out) : out;
  }

  refused(event: GraphEvent, placeAdmitted: boolean): AguiEvent[] {
    switch (event.event) {
      case "on_chat_model_stream":
      case "on_llm_stream":
        this.#nodeMessages.noteRefused(event);
        return [];
      case "on_chat_model_start":
      case "on_llm_start":
        if (!placeAdmitted) this.#nodeMessages.noteRefused(event);
        return [];
      case "on_chat_model_end":
      case "on_llm_end":
        return this.#passHeld(this.#endMessage(event));
      case "on_chain_end":
        if (!placeAdmitted && isNode(event)) this.#nodeMessages.noteRefused(event);
        return this.#steps.finish(event.run_id);
      default:
        return [];
    }
  }

  finish(end: RunEnd): AguiEvent[] {
    if (this.#finished) return [];
    this.#finished = true;
    const closers = [...this.#messages.values()].flatMap((message) => message.close());
    return [...this.#passHeld(closers), ...(this.#held?.flush() ?? []), ...this.#steps.close(), this.#terminal(end)];
  }

  #translate(event: GraphEvent): AguiEvent[] {
    switch (event.event) {
      case "on_chat_model_stream":
        return this.#chunk(event, asMessage(dataField(event, "chunk")));
      case "on_llm_stream":
        return this.#chunk(event, generation(dataField(event, "chunk")));
      case "on_chat_model_end":
        return this.#modelEnd(event, asMessage(dataField(event, "output")));
      case "on_llm_end":
        return this.#endMessage(event);
      case "on_tool_start":
        return this.#tools.start(event);
      case "on_tool_end":
        return this.#tools.end(event);
      case "on_tool_error":
        return this.#tools.fail(event);
      case "on_chain_start":
        return isNode(event) ? this.#steps.start(event) : [];
      case "on_chain_end":
        return isNode(event) ? [...this.#nodeEnd(event), ...this.#steps.finish(event.run_id)] : [];
      case "on_custom_event":
        return [{ type: EventType.CUSTOM, name: event.name, value: toJsonValue(event.data ?? null) }];
      case "on_chat_model_start":
      case "on_llm_start":
      case "on_chain_stream":
        return []; // A prompt and a state update are nothing a chat shows.
      default:
        return [
          { type: EventType.CUSTOM, name: event.event, value: { name: event.name, data: toJsonValue(event.data) } },
        ];
    }
  }

  #chunk(event: GraphEvent, chunk: MessageLike | undefined): AguiEvent[] {
    if (!chunk) return [];
    this.#usage.note(event, chunk.usage_metadata, false);
    this.#streamed.add(event.run_id);
    return this.#message(event, chunk).push(chunk);
  }

  #modelEnd(event: GraphEvent, output: MessageLike | undefined): AguiEvent[] {
    this.#usage.note(event, output?.usage_metadata, true);
    const whole = output && !this.#streamed.has(event.run_id) ? this.#message(event, output).push(output) : [];
    return [...whole, ...this.#endMessage(event)];
  }

  #nodeEnd(event: GraphEvent): AguiEvent[] {
    return this.#nodeMessages.added(event).flatMap((message, index) => {
      this.#usage.note(event, message.usage_metadata, false);
      const spans = this.#open(message.id, `${event.run_id}${index > 0 ? `-${index}` : ""}`);
      return [...spans.push(message), ...spans.close()];
    });
  }

  /** The spans of a model run's message, begun with its first chunk. */
  #message(event: GraphEvent, first: MessageLike): MessageSpans {
    let spans = this.#messages.get(event.run_id);
    if (!spans) {
      spans = this.#open(first.id, event.run_id);
      this.#messages.set(event.run_id, spans);
    }
    return spans;
  }

  /** The first chunk's id equals the id in the graph's state. Endpoints that repeat an id get a fresh one from us. */
  #open(id: unknown, runId: string): MessageSpans {
    const usable = typeof id === "string" && id !== "" && !this.#nodeMessages.isKnown(id);
    const messageId = usable ? id : `run-${runId}`;
    this.#nodeMessages.addKnown(messageId);
    const announce = (toolCallId: string) => this.#tools.announce(toolCallId);
    return new MessageSpans(messageId, { reasoning: this.#options.reasoning, announce });
  }

  #endMessage(event: GraphEvent): AguiEvent[] {
    this.#finishReason = event.finishReason ?? this.#finishReason;
    this.#streamed.delete(event.run_id);
    const spans = this.#messages.get(event.run_id);
    if (!spans) return [];
    this.#messages.delete(event.run_id);
    this.#nodeMessages.noteSaid(event, spans.said);
    return spans.close();
  }

  #passHeld(events: AguiEvent[]): AguiEvent[] {
    return this.#held ? this.#held.pass(events) : events;
  }

  #terminal(end: RunEnd): AguiEvent {
    const { threadId, runId } = this.#options;
    const usage = this.#usage.total;
    if (end.kind === "failed") {
      const { code, message, retryable } = end.error;
      return { type: EventType.RUN_ERROR, message, code, metadata: { retryable }, ...(usage ? { usage } : {}) };
    }
    return {
      type: EventType.RUN_FINISHED,
      threadId,
      runId,
      ...(end.kind === "interrupted" ? { outcome: { type: "interrupt", interrupts: [...end.interrupts] } } : {}),
      ...(end.kind === "cancelled" ? { outcome: { type: "cancelled" } } : {}),
      ...(usage ? { usage } : {}),
      ...(this.#finishReason ? { metadata: { finishReason: this.#finishReason } } : {}),
    };
  }
}

function dataField(event: GraphEvent, field: "chunk" | "output"): unknown {
  return isRecord(event.data) ? event.data[field] : undefined;
}

/** A completion model's chunk is bare text. */
function generation(chunk: unknown): MessageLike | undefined {
  return isRecord(chunk) && typeof chunk.text === "string" ? { content: chunk.text } : undefined;
}
