/**
 * A run's AG-UI events as chunks of the AI SDK's UI message stream. It is pure, reads one run from its start, and uses
 * only events of the log. The whole output of a run becomes one message of the client, which the next run may continue.
 */
import { type AguiEvent, EventType, type Interrupt, type Message, type TokenUsage } from "../../protocol/events.ts";
import { Transcript } from "../../store/transcript.ts";
import type { Continued } from "./request.ts";
import {
  ACTIVITY,
  activityParts,
  answerParts,
  answerTo,
  inputOf,
  interruptPart,
  madeBy,
  outcomeOf,
  turnAfter,
  type UiPart,
} from "./ui-messages.ts";

/** A chunk of the stream, as JSON. */
export type Chunk = Readonly<Record<string, unknown>> & { readonly type: string };

export interface AnswerOptions {
  readonly runId: string;
  /** The thread's messages before the run. */
  readonly history: readonly Message[];
  /** The message that the client continues. Without it the client has nothing of this turn, and gets all of it. */
  readonly continued?: Continued | undefined;
  /** The questions that the run brings answers to. */
  readonly answered?: readonly Interrupt[];
}

interface Call {
  readonly name: string;
  args: string;
}

export class AnswerProjection {
  readonly #options: AnswerOptions;
  readonly #transcript: Transcript;
  /** The person's message that is answered. */
  #asked: string | undefined;
  #messageId = "";
  #started = false;
  #inStep = false;
  /** The message that the current step has. */
  #spoken: string | undefined;
  /** Texts, reasoning and arguments that are open. None may be open when a step ends. */
  readonly #open = new Set<string>();
  /** Messages that the client has, or has the beginning of. */
  readonly #sent = new Set<string>();
  /** Calls that the client has in this message. */
  readonly #calls = new Map<string, Call>();
  /** Something that was sent may no longer be valid. */
  #corrected = false;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#transcript = new Transcript(options.history);
  }

  push(event: AguiEvent): Chunk[] {
    this.#transcript.push(event);
    switch (event.type) {
      case EventType.RUN_STARTED:
        // Without input, a snapshot follows, which replaces events that are no longer kept.
        return event.input ? this.#start() : [];
      case EventType.MESSAGES_SNAPSHOT:
        return this.#snapshot();
      case EventType.TEXT_MESSAGE_START: {
        const { messageId: id, role } = event;
        // A user's message that was sent into the run cannot be a part of an answer. It is in the history.
        if (role === "user") return [];
        const step = this.#step(id);
        this.#open.add(`text:${id}`);
        return [...step, { type: "text-start", id, providerMetadata: madeBy(id) }];
      }
      case EventType.TEXT_MESSAGE_CONTENT:
        return this.#within(`text:${event.messageId}`, { type: "text-delta", id: event.messageId, delta: event.delta });
      case EventType.TEXT_MESSAGE_END:
        return this.#close(`text:${event.messageId}`, { type: "text-end", id: event.messageId });
      case EventType.REASONING_START: {
        const { messageId: id } = event;
        this.#sent.add(id);
        const step = this.#step(undefined);
        this.#open.add(`reasoning:${id}`);
        return [...step, { type: "reasoning-start", id }];
      }
      case EventType.REASONING_MESSAGE_CONTENT: {
        const { messageId: id, delta } = event;
        return this.#within(`reasoning:${id}`, { type: "reasoning-delta", id, delta });
      }
      case EventType.REASONING_END:
        return this.#close(`reasoning:${event.messageId}`, { type: "reasoning-end", id: event.messageId });
      case EventType.TOOL_CALL_START:
        return this.#call(event.toolCallId, event.toolCallName, event.parentMessageId ?? event.toolCallId);
      case EventType.TOOL_CALL_ARGS: {
        const { toolCallId, delta } = event;
        const call = this.#calls.get(toolCallId);
        if (call) call.args += delta;
        return this.#within(`tool:${toolCallId}`, { type: "tool-input-delta", toolCallId, inputTextDelta: delta });
      }
      case EventType.TOOL_CALL_END:
        return this.#called(event.toolCallId);
      case EventType.TOOL_CALL_RESULT:
        return this.#result(event.toolCallId, outcomeOf(event.content, event.metadata?.error));
      case EventType.STATE_SNAPSHOT:
      case EventType.STATE_DELTA:
        return [{ type: "data-state", data: this.#transcript.state, transient: true }];
      case EventType.CUSTOM:
        return [custom(event.name, event.value)];
      case EventType.ACTIVITY_SNAPSHOT:
      case EventType.ACTIVITY_DELTA:
        return this.#transcript.withReasoning(event.messageId).flatMap(activityParts);
      case EventType.SUBAGENT_STARTED:
      case EventType.SUBAGENT_FINISHED:
      case EventType.SUBAGENT_ERROR: {
        const { type: report, timestamp: _, ...about } = event;
        return [{ type: "data-subagent", data: { report, ...about }, transient: true }];
      }
      case EventType.RUN_FINISHED:
        return this.#finish(event);
      case EventType.RUN_ERROR: {
        const { message, code, usage, metadata } = event;
        const about = { error: { code, retryable: metadata?.retryable === true }, ...(usage ? { usage } : {}) };
        return [...this.#end(about), { type: "error", errorText: message }];
      }
      default:
        return [];
    }
  }

  #start(): Chunk[] {
    const { continued, answered = [], history, runId } = this.#options;
    this.#started = true;
    const { messages } = this.#transcript;
    this.#asked = messages.findLast(({ role }) => role === "user")?.id;
    this.#messageId = continued?.messageId ?? answerTo(this.#asked);
    const messageMetadata = { sluice: { runId } };
    const start = { type: "start", messageId: this.#messageId, messageMetadata };
    if (continued) {
      for (const { id } of history) this.#sent.add(id);
      for (const id of continued.calls) this.#calls.set(id, { name: "", args: "" });
      return [start, ...answered.map((interrupt) => interruptPart(interrupt, true))];
    }
    return [start, ...this.#repeated(turnAfter(messages, this.#asked))];
  }

  /**
   * A snapshot contains everything that is valid. If the client has other messages, it can get the correction only at
   * the end.
   */
  #snapshot(): Chunk[] {
    if (!this.#started) return this.#start();
    this.#corrected ||= this.#sent.size > 0;
    const turn = turnAfter(this.#transcript.messages, this.#asked);
    return this.#repeated(turn.filter(({ id, role }) => role === "tool" || !this.#sent.has(id)));
  }

  /** Returns chunks for messages that were sent before the client began to read. */
  #repeated(messages: readonly Message[]): Chunk[] {
    for (const { id } of messages) this.#sent.add(id);
    return answerParts(messages).flatMap((part, index) => this.#part(part, `sent-${this.#sent.size}-${index}`));
  }

  #part(part: UiPart, id: string): Chunk[] {
    if (part.type === "step-start") {
      this.#spoken = undefined;
      return this.#newStep();
    }
    if (part.type === ACTIVITY) return [part];
    const { text, providerMetadata } = part;
    if (part.type === "reasoning" || part.type === "text") {
      const own = { id, ...(providerMetadata ? { providerMetadata } : {}) };
      this.#spoken ??= part.type === "text" ? id : undefined;
      return [
        { type: `${part.type}-start`, ...own },
        { type: `${part.type}-delta`, id, delta: text },
        { type: `${part.type}-end`, id },
      ];
    }
    const { toolCallId, state, input, rawInput, callProviderMetadata } = part;
    const called = String(toolCallId);
    const toolName = part.type.slice("tool-".length);
    this.#spoken ??= id;
    this.#calls.set(called, { name: toolName, args: "" });
    const start = { type: "tool-input-start", toolCallId, toolName, providerMetadata: callProviderMetadata };
    if (state === "input-streaming") {
      return [start, { type: "tool-input-delta", toolCallId, inputTextDelta: rawInput }];
    }
    const available = { type: "tool-input-available", toolCallId, toolName, input: input ?? {} };
    return [start, { ...available, providerMetadata: callProviderMetadata }, ...this.#result(called, part)];
  }

  /** Begins a step where another message begins, unless something of the last one is open. */
  #step(message: string | undefined): Chunk[] {
    if (message !== undefined) this.#sent.add(message);
    const another = this.#spoken !== undefined && this.#spoken !== message;
    if (this.#inStep && (!another || this.#open.size > 0)) {
      this.#spoken ??= message;
      return [];
    }
    this.#spoken = message;
    return this.#newStep();
  }

  #newStep(): Chunk[] {
    const ended = this.#endStep();
    this.#inStep = true;
    return [...ended, { type: "start-step" }];
  }

  #endStep(): Chunk[] {
    const ended = this.#inStep ? [{ type: "finish-step" }] : [];
    this.#inStep = false;
    return ended;
  }

  #within(key: string, chunk: Chunk): Chunk[] {
    return this.#open.has(key) ? [chunk] : [];
  }

  #close(key: string, chunk: Chunk): Chunk[] {
    return this.#open.delete(key) ? [chunk] : [];
  }

  #call(toolCallId: string, toolName: string, message: string): Chunk[] {
    const step = this.#step(message);
    this.#open.add(`tool:${toolCallId}`);
    this.#calls.set(toolCallId, { name: toolName, args: "" });
    return [...step, { type: "tool-input-start", toolCallId, toolName, providerMetadata: madeBy(message) }];
  }

  /** A call whose arguments were cut short never becomes available: nobody may carry it out. */
  #called(toolCallId: string): Chunk[] {
    const call = this.#calls.get(toolCallId);
    if (!this.#open.delete(`tool:${toolCallId}`) || !call) return [];
    const input = inputOf(call.args);
    return input === undefined ? [] : [{ type: "tool-input-available", toolCallId, toolName: call.name, input }];
  }

  /** A client refuses a result for a call that it does not have. */
  #result(toolCallId: string, { state, output, errorText }: Readonly<Record<string, unknown>>): Chunk[] {
    if (!this.#calls.has(toolCallId)) return [];
    if (state === "output-available") return [{ type: "tool-output-available", toolCallId, output }];
    return state === "output-error" ? [{ type: "tool-output-error", toolCallId, errorText }] : [];
  }

  #finish({ outcome, usage, metadata }: AguiEvent & { type: EventType.RUN_FINISHED }): Chunk[] {
    const end = this.#end(usage ? { usage } : {});
    if (outcome?.type === "cancelled") return [...end, { type: "abort", reason: "cancelled" }];
    const interrupts = outcome?.type === "interrupt" ? outcome.interrupts : [];
    const calls = outcome?.type === "success" && (outcome.pendingToolCallIds ?? []).length > 0;
    const finishReason = calls || interrupts.length > 0 ? "tool-calls" : reasonOf(metadata ?? {});
    return [...interrupts.flatMap((interrupt) => this.#question(interrupt)), ...end, { type: "finish", finishReason }];
  }

  #question(interrupt: Interrupt): Chunk[] {
    const { id: approvalId, toolCallId } = interrupt;
    const about = toolCallId !== undefined && this.#calls.has(toolCallId);
    return [...(about ? [{ type: "tool-approval-request", approvalId, toolCallId }] : []), interruptPart(interrupt)];
  }

  /** Returns the end of the last step, the usage, and the whole message again if something was taken back. */
  #end(about: { readonly usage?: readonly TokenUsage[]; readonly error?: object }): Chunk[] {
    const known = Object.keys(about).length > 0;
    const metadata = known ? [{ type: "message-metadata", messageMetadata: { sluice: about } }] : [];
    return [...this.#endStep(), ...metadata, ...(this.#corrected ? [this.#whole()] : [])];
  }

  #whole(): Chunk {
    const parts = answerParts(turnAfter(this.#transcript.messages, this.#asked));
    const data = { id: this.#messageId, role: "assistant", parts };
    return { type: "data-sluice.corrected", data, transient: true };
  }
}

/** A custom event of the graph stays in the message. An event of Sluice is transient. */
function custom(name: string, value: unknown): Chunk {
  const chunk = { type: `data-${name}`, data: value };
  if (name.startsWith("sluice.")) return { ...chunk, transient: true };
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
  return typeof id === "string" ? { ...chunk, id } : chunk;
}

/** Each provider has its own words for the reason. */
function reasonOf({ finishReason, incomplete }: Readonly<Record<string, unknown>>): string {
  const reason = String(finishReason ?? "").toLowerCase();
  if (/length|max_?tokens/.test(reason)) return "length";
  if (/filter|safety|refus/.test(reason)) return "content-filter";
  return incomplete === true ? "other" : "stop";
}
