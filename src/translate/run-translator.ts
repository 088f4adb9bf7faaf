/** The translator of one run: hands each graph event to the reducer for its concern, and keeps the message spans. */
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { HeldDeltas } from "../protocol/held-deltas.ts";
import { type JsonLimits, toJsonValue } from "../protocol/json.ts";
import { PLAIN } from "../protocol/plain-shape.ts";
import { publicData } from "../protocol/public-data.ts";
import { type MessageLike, messageIn } from "./content.ts";
import { readCustom } from "./custom.ts";
import { MessageSpans } from "./message-spans.ts";
import { NodeMessages } from "./node-messages.ts";
import { Rules } from "./rules.ts";
import { ExposedState } from "./state.ts";
import { isNode, Steps } from "./steps.ts";
import { ToolCalls } from "./tools.ts";
import type { RunEnd, Translator, TranslatorOptions } from "./translator.ts";
import { Usage } from "./usage.ts";
import { saidBetween, shapeWithoutReasoning } from "./without-reasoning.ts";

export function createTranslator(options: TranslatorOptions): Translator {
  return new RunTranslator(options);
}

class RunTranslator implements Translator {
  readonly #options: TranslatorOptions;
  readonly #rules: Rules;
  readonly #messages = new Map<string, MessageSpans>();
  /** Model runs whose message leaves in one piece. */
  readonly #whole = new Set<string>();
  /** Model runs that streamed: their finished message is no news. */
  readonly #streamed = new Set<string>();
  /** Calls to the client's own tools that this run made and the graph did not answer itself. */
  readonly #pendingCalls = new Set<string>();
  readonly #steps = new Steps();
  readonly #tools: ToolCalls;
  readonly #nodeMessages: NodeMessages;
  readonly #usage = new Usage();
  readonly #held = new HeldDeltas();
  readonly #state = new ExposedState();
  #finishReason: string | undefined;
  #finished = false;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#rules = new Rules(options);
    this.#nodeMessages = new NodeMessages(options.history.map((message) => message.id));
    this.#tools = new ToolCalls(options.history);
  }

  start(fresh: readonly Message[], forked: boolean): AguiEvent[] {
    const { threadId, runId, history } = this.#options;
    for (const message of fresh) this.#nodeMessages.addKnown(message.id);
    this.#tools.note(fresh);
    const input = { threadId, runId, messages: [...fresh], tools: [], context: [] };
    return [
      { type: EventType.RUN_STARTED, threadId, runId, protocolVersion: "1.0", input },
      ...(forked ? [{ type: EventType.MESSAGES_SNAPSHOT as const, messages: [...history, ...fresh] }] : []),
    ];
  }

  state(values: Readonly<Record<string, unknown>>): AguiEvent[] {
    return this.#state.push(values);
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
      case "on_tool_start":
        if (event.toolCallId !== undefined) this.#pendingCalls.delete(event.toolCallId);
        else if (!placeAdmitted) this.#nodeMessages.noteRefusedResult(event);
        return [];
      case "on_tool_end":
      case "on_tool_error":
        // Without an id any tool message of the node may be this result.
        if (!this.#tools.refuse(event)) this.#nodeMessages.noteRefusedResult(event);
        return [];
      case "on_chat_model_end":
      case "on_llm_end":
        this.#nodeMessages.noteFinishReason(event);
        return this.#endMessage(event);
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
    return [...this.#held.pass(closers), ...this.#steps.close(), ...this.#state.finish(), this.#terminal(end)];
  }

  push(event: GraphEvent): AguiEvent[] {
    switch (event.event) {
      case "on_chat_model_stream":
      case "on_llm_stream":
        return this.#chunk(event, messageIn(event));
      case "on_chat_model_end":
        return this.#modelEnd(event, messageIn(event));
      case "on_llm_end":
        return this.#endMessage(event);
      case "on_tool_start":
        // A call that the graph runs is none the client has to answer, whatever the tool's name.
        this.#pendingCalls.delete(this.#tools.callOf(event));
        return this.#tools.start(event, this.#plain(event));
      case "on_tool_end":
        return this.#tools.end(event, this.#plain(event));
      case "on_tool_error":
        return this.#tools.fail(event);
      case "on_chain_start":
        return isNode(event) ? this.#steps.start(event) : [];
      case "on_chain_end":
        return isNode(event) ? [...this.#nodeEnd(event), ...this.#steps.finish(event.run_id)] : [];
      case "on_custom_event":
        return this.#custom(event);
      case "on_chat_model_start":
      case "on_llm_start":
      case "on_chain_stream":
        return []; // A prompt and a state update are nothing a chat shows.
      default:
        return this.#other(event);
    }
  }

  /** What has no events of its own, as far as the `langgraph` format would show it by default. */
  #other(event: GraphEvent): AguiEvent[] {
    const { tokens, reasoning, messages } = this.#rules.of(event);
    if (!tokens && event.event === "on_parser_stream") return [];
    // A parser is given all that a model said, and not as a message of which parts could be told.
    const silent = event.event.startsWith("on_parser_") && !(reasoning && messages);
    const data = silent ? {} : toJsonValue(publicData(event), PLAIN);
    return [{ type: EventType.CUSTOM, name: event.event, value: { name: event.name, data } }];
  }

  /** How messages are written in what a graph or a tool gives. */
  #plain(event: GraphEvent): JsonLimits {
    if (this.#rules.of(event).reasoning) return PLAIN;
    return { convert: shapeWithoutReasoning(saidBetween(this.#options.reasoningTags)) };
  }

  #chunk(event: GraphEvent, chunk: MessageLike | undefined): AguiEvent[] {
    if (!chunk) return [];
    this.#usage.note(event, chunk.usage_metadata, false);
    this.#streamed.add(event.run_id);
    const events = this.#message(event, chunk).push(chunk);
    return this.#whole.has(event.run_id) ? this.#held.pass(events) : events;
  }

  #modelEnd(event: GraphEvent, output: MessageLike | undefined): AguiEvent[] {
    this.#usage.note(event, output?.usage_metadata, true);
    const whole = output && !this.#streamed.has(event.run_id) ? this.#message(event, output).push(output) : [];
    return [...whole, ...this.#endMessage(event)];
  }

  #nodeEnd(event: GraphEvent): AguiEvent[] {
    const { messages, reasoning } = this.#rules.of(event);
    if (!messages) {
      this.#nodeMessages.noteRefused(event);
      return [];
    }
    const answers = this.#nodeMessages
      .toolMessages(event)
      .flatMap((message) => this.#tools.answer(message, this.#plain(event)));
    const added = this.#nodeMessages.added(event, (toolCallId) => this.#tools.isKnown(toolCallId));
    if (added.length > 0) this.#finishReason = this.#nodeMessages.finishReason(event) ?? this.#finishReason;
    const told = added.flatMap((message) => {
      this.#usage.note(event, message.usage_metadata, false);
      const spans = this.#open(message.id, event.run_id, reasoning);
      const events = [...spans.push(message), ...spans.close()];
      // Without an id until the graph's reducer gave it one: a graph around this one returns it as another message.
      this.#nodeMessages.noteSaid(event, spans.raw);
      return events;
    });
    return [...answers, ...told];
  }

  #custom(event: GraphEvent): AguiEvent[] {
    const wish = readCustom(event, this.#plain(event));
    switch (wish.kind) {
      case "event":
        return wish.events;
      case "message": {
        const spans = this.#open(wish.messageId, event.run_id, false);
        const events = [...spans.push({ content: wish.text }), ...spans.close()];
        // Graphs that emit a message also return it, for their state.
        this.#nodeMessages.noteSaid(event, spans.raw);
        return events;
      }
      case "tool_call":
        return this.#tools.tell(wish.toolCallId, wish.name, () => wish.args);
      case "state": {
        const exposed = this.#options.stateKeys.filter((key) => key in wish.values);
        return exposed.length === 0
          ? []
          : this.#state.merge(Object.fromEntries(exposed.map((key) => [key, wish.values[key]])));
      }
    }
  }

  /** The spans of a model run's message, begun with its first chunk. */
  #message(event: GraphEvent, first: MessageLike): MessageSpans {
    let spans = this.#messages.get(event.run_id);
    if (!spans) {
      // Asked once a message, not once a token.
      const { tokens, reasoning } = this.#rules.of(event);
      spans = this.#open(first.id, event.run_id, reasoning);
      this.#messages.set(event.run_id, spans);
      if (!tokens) this.#whole.add(event.run_id);
    }
    return spans;
  }

  /** The first chunk's id equals the id in the graph's state. Endpoints that repeat an id get a fresh one from us. */
  #open(id: unknown, runId: string, reasoning: boolean): MessageSpans {
    const usable = typeof id === "string" && id !== "" && !this.#nodeMessages.isKnown(id);
    let messageId = usable ? id : `run-${runId}`;
    for (let n = 2; this.#nodeMessages.isKnown(messageId); n += 1) messageId = `run-${runId}-${n}`;
    this.#nodeMessages.addKnown(messageId);
    const { reasoningTags, frontendTools } = this.#options;
    const announce = (toolCallId: string, name: string) => {
      this.#tools.announce(toolCallId, name);
      if (frontendTools.has(name)) this.#pendingCalls.add(toolCallId);
    };
    const complete = (toolCallId: string, args: string) => this.#tools.complete(toolCallId, args);
    return new MessageSpans(messageId, {
      reasoning,
      reasoningTags,
      calls: { taken: this.#tools.taken, announce, complete },
    });
  }

  #endMessage(event: GraphEvent): AguiEvent[] {
    this.#streamed.delete(event.run_id);
    this.#whole.delete(event.run_id);
    const spans = this.#messages.get(event.run_id);
    if (!spans) return [];
    this.#finishReason = event.finishReason ?? this.#finishReason;
    this.#messages.delete(event.run_id);
    this.#nodeMessages.noteSaid(event, spans.raw);
    return [...this.#held.pass(spans.close()), this.#modelCall(event, spans.messageId)];
  }

  /** What a model call came to: how much of which limit it used, and why it stopped. */
  #modelCall(event: GraphEvent, messageId: string): AguiEvent {
    const { ls_provider: provider, ls_model_name: model, ls_max_tokens: maxTokens } = event.metadata;
    const { finishReason } = event;
    const usage = this.#usage.of(event.run_id);
    return {
      type: EventType.CUSTOM,
      name: "sluice.model_call",
      value: toJsonValue({ messageId, provider, model, usage, finishReason, maxTokens }),
    };
  }

  #terminal(end: RunEnd): AguiEvent {
    const { threadId, runId } = this.#options;
    const usage = this.#usage.total;
    if (end.kind === "failed") {
      const { code, message, retryable } = end.error;
      return { type: EventType.RUN_ERROR, message, code, metadata: { retryable }, ...(usage ? { usage } : {}) };
    }
    const metadata = {
      ...(this.#finishReason ? { finishReason: this.#finishReason } : {}),
      ...("incomplete" in end && end.incomplete ? { incomplete: true } : {}),
    };
    return {
      type: EventType.RUN_FINISHED,
      threadId,
      runId,
      ...(end.kind === "done" && this.#pendingCalls.size > 0
        ? { outcome: { type: "success", pendingToolCallIds: [...this.#pendingCalls] } }
        : {}),
      ...(end.kind === "interrupted" ? { outcome: { type: "interrupt", interrupts: [...end.interrupts] } } : {}),
      ...(end.kind === "cancelled" ? { outcome: { type: "cancelled" } } : {}),
      ...(usage ? { usage } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
  }
}
