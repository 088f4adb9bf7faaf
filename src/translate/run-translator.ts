/** The translator of one run: hands each graph event to the reducer for its concern, and keeps the message spans. */
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import { type GraphEvent, isNode, namespace } from "../protocol/graph-event.ts";
import type { CallIds } from "../protocol/ids.ts";
import { eventsOf, type InjectedMessage } from "../protocol/injected.ts";
import { usageOf } from "../protocol/model-report.ts";
import { Activities } from "./activities.ts";
import { predicting } from "./call-rules.ts";
import { type Carried, carriedFrom } from "./carried.ts";
import { type MessageLike, messageIn, nameOf, type ToolCallPiece } from "./content.ts";
import { plainCustom, readCustom } from "./custom.ts";
import { Ends } from "./ends.ts";
import { type Asked, toInterrupt } from "./interrupts.ts";
import { MessageSpans } from "./message-spans.ts";
import { NodeMessages } from "./node-messages.ts";
import { OpenMessages } from "./open-messages.ts";
import { otherEvents } from "./other-events.ts";
import { Rules } from "./rules.ts";
import { firstEvents, modelCallEvent, terminalEvent } from "./run-ends.ts";
import { type Correction, SentMessages } from "./sent-messages.ts";
import { ExposedState } from "./state.ts";
import { Steps } from "./steps.ts";
import { resultMessage, ToolCalls } from "./tools.ts";
import type { RunEnd, Translator, TranslatorOptions } from "./translator.ts";
import { UnreadEnds } from "./unread-ends.ts";
import { Usage } from "./usage.ts";

export class RunTranslator implements Translator {
  readonly #options: TranslatorOptions;
  readonly #rules: Rules;
  readonly #messages = new OpenMessages();
  readonly #steps = new Steps();
  readonly #ends: Ends;
  readonly tools: ToolCalls;
  readonly #nodeMessages = new NodeMessages();
  readonly #unread = new UnreadEnds();
  readonly #usage: Usage;
  readonly #state: ExposedState;
  readonly #sent: SentMessages;
  readonly #activities: Activities;
  #finishReason: string | undefined;
  #finished = false;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#rules = new Rules(options);
    const { history, ownFrom, drafts, followsState, reasoningTags, carried } = options;
    this.#usage = new Usage(carried?.usage);
    this.#finishReason = carried?.finishReason;
    this.#nodeMessages.note([...history, ...(carried?.ids ?? []).map((id) => ({ id }))]);
    this.tools = new ToolCalls(history, ownFrom, options.callIds, carried?.calls);
    const { book } = this.tools;
    this.#state = new ExposedState(options.maxEventBytes, carried?.state, (id) => book.get(id));
    this.#sent = new SentMessages({ reasoningTags, followsState, book });
    this.#sent.addEarlier(history.slice(ownFrom), drafts, carried?.stateIds);
    this.#ends = new Ends(this.#messages, this.#steps, this.#sent, book);
    this.#activities = new Activities(options, (id) => this.#nodeMessages.reserve(id));
  }

  start(fresh: readonly Message[], forked: boolean): AguiEvent[] {
    this.#receive(fresh);
    return firstEvents(this.#options, fresh, forked);
  }

  expect: Translator["expect"] = (id) => this.#nodeMessages.expect(id);
  rest: Translator["rest"] = () => this.#steps.close();

  taken(message: InjectedMessage): AguiEvent[] {
    if (!this.#nodeMessages.arrives(message.id)) return [];
    this.#receive([message]);
    return eventsOf(message);
  }

  state(values: Readonly<Record<string, unknown>>): AguiEvent[] {
    return this.#state.push(values);
  }

  refused(event: GraphEvent, placeAdmitted: boolean): AguiEvent[] {
    switch (event.event) {
      case "on_chat_model_stream":
      case "on_llm_stream":
        this.#nodeMessages.noteRefusedCall(event);
        return [];
      case "on_chat_model_start":
      case "on_llm_start":
        this.#sent.goesOn(event);
        if (!placeAdmitted) this.#nodeMessages.noteRefusedCall(event);
        return [];
      case "on_chain_stream":
        return this.#state.updated(event);
      case "on_chain_start":
        return isNode(event) ? this.#begin(event) : [];
      case "on_tool_start":
        this.tools.startRefused(event);
        if (event.toolCallId === undefined && !placeAdmitted) this.#nodeMessages.noteRefusedResult(event);
        return [];
      case "on_tool_end":
      case "on_tool_error":
        // Without an id any tool message of the node may be this result.
        if (!this.tools.refuse(event)) this.#nodeMessages.noteRefusedResult(event);
        return this.#ends.of(event);
      case "on_chat_model_end":
      case "on_llm_end":
        return this.#unreadEnd(event);
      case "on_chain_end":
        if (!isNode(event)) return [];
        if (!placeAdmitted) this.#nodeMessages.noteRefused(event);
        return this.#settle(event, false);
      default:
        return [];
    }
  }

  finish(end: RunEnd): AguiEvent[] {
    if (this.#finished) return [];
    this.#finished = true;
    const closers = this.#ends.cutOff(() => true);
    if (end.kind === "done" || end.kind === "interrupted") this.#sent.finish();
    const results = end.kind === "done" ? this.tools.resultsOfUnheld(this.#options.frontendTools) : [];
    const pending = this.tools.book.pending(this.#options.frontendTools).map(({ id }) => id);
    const totals = { usage: this.#usage.total, finishReason: this.#finishReason, pendingCalls: pending };
    const rest = [...this.#steps.close(), ...this.#state.finish(), terminalEvent(this.#options, end, totals)];
    return [...closers, ...results, ...rest];
  }

  failed(event: GraphEvent): AguiEvent[] {
    const spans = this.#messages.get(event.run_id);
    if (!spans) return this.#ends.of(event);
    this.#sent.fail(spans.messageId);
    return this.#messages.abandon(event.run_id);
  }

  correction(): Correction | undefined {
    return this.#sent.pending && this.#messages.size === 0 ? this.#sent.take() : undefined;
  }

  get callIds(): CallIds {
    return this.tools.book.ids;
  }

  interrupt(asked: Asked): Interrupt {
    return toInterrupt(asked, (given, runId) => this.tools.idOf(given, runId));
  }

  get carried(): Carried | undefined {
    if (this.#messages.size > 0 || this.#sent.pending) return undefined;
    return carriedFrom(this.#nodeMessages, this.#sent, this.tools.book, this.#usage, this.#state, this.#finishReason);
  }

  get drafts(): Readonly<Record<string, string>> {
    return this.#sent.drafts;
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
        return this.tools.start(event, this.#rules.plain(event));
      case "on_tool_end":
      case "on_tool_error":
        return [
          ...this.#ends.of(event),
          ...this.#sent.addResults(event, this.tools.end(event, this.#rules.plain(event)), resultMessage(event)),
        ];
      case "on_chain_start":
        return isNode(event) ? [...this.#begin(event), ...this.#steps.start(event)] : [];
      case "on_chain_end":
        return isNode(event) ? this.#nodeEnd(event) : [];
      case "on_custom_event":
        return this.#custom(event);
      case "on_chat_model_start":
      case "on_llm_start":
        this.#sent.goesOn(event);
        return [];
      case "on_chain_stream":
        return this.#state.updated(event);
      default:
        return otherEvents(event, this.#rules.of(event));
    }
  }

  #chunk(event: GraphEvent, chunk: MessageLike | undefined): AguiEvent[] {
    if (!chunk || this.#messages.isAbandoned(event.run_id)) return [];
    this.#usage.chunk(event, chunk.usage_metadata);
    return this.#messages.pass(event.run_id, this.#message(event, chunk).push(chunk));
  }

  #modelEnd(event: GraphEvent, output: MessageLike | undefined): AguiEvent[] {
    if (!output || this.#messages.isAbandoned(event.run_id)) return this.#endMessage(event);
    this.#usage.end(event, event.usage ?? usageOf(output));
    const rest = this.#messages.pass(event.run_id, this.#message(event, output).complete(output));
    return [...rest, ...this.#endMessage(event)];
  }

  #unreadEnd(event: GraphEvent): AguiEvent[] {
    const spans = this.#messages.get(event.run_id);
    if (spans) this.#usage.end(event, event.usage); // A call of which nothing was sent does not count.
    this.#unread.add(event, spans);
    return this.#endMessage(event);
  }

  #nodeEnd(event: GraphEvent): AguiEvent[] {
    const { messages, reasoning } = this.#rules.of(event);
    if (!messages) {
      this.#nodeMessages.noteRefused(event);
      return this.#settle(event, false);
    }
    const ends = this.#unread.take(event);
    const rest = ends.complete(this.#nodeMessages.returned(event));
    const results = this.#nodeMessages.toolMessages(event);
    const answer = () =>
      results.flatMap((one) =>
        this.#sent.addResults(event, this.tools.answer(event, one, this.#rules.plain(event)), one),
      );
    const answers = answer();
    const isKnown = ({ id: given, name = "", args }: ToolCallPiece) =>
      this.tools.book.known({ given, name, args }, namespace(event)) !== undefined;
    const added = this.#nodeMessages.added(event, isKnown);
    if (added.length > 0) this.#finishReason = ends.last.finishReason ?? this.#finishReason;
    const news = added.flatMap((message) => {
      this.#usage.message(event, usageOf(message) ?? ends.last.usage);
      // The message has no id until the graph's reducer gives it one. An outer graph may return it again under that id.
      return this.#whole(event, this.#open(event, message, reasoning), (spans) => spans.complete(message));
    });
    // A node may answer a call that it makes itself: a handoff back to a supervisor, say.
    return [...rest, ...answers, ...news, ...answer(), ...this.#settle(event, !this.#nodeMessages.holdsRefused(event))];
  }

  #receive(messages: readonly Message[]): void {
    this.#nodeMessages.note(messages);
    this.tools.note(messages);
    this.#activities.note(messages);
    if (this.#options.followsState) this.#sent.addEarlier(messages, {});
  }

  #begin(event: GraphEvent): AguiEvent[] {
    this.#sent.began(event);
    return this.#ends.of(event);
  }

  #settle(event: GraphEvent, admitted: boolean): AguiEvent[] {
    this.#sent.ended(event, admitted);
    this.tools.hold(event);
    return this.#ends.of(event);
  }

  #custom(event: GraphEvent): AguiEvent[] {
    const limits = this.#rules.plain(event);
    const wish = readCustom(event, limits);
    if (wish.kind === "event") return wish.events;
    if (wish.kind === "tool_call") return this.tools.emit(event, wish.toolCallId, wish.name, wish.args);
    if (wish.kind === "state") return this.#state.merge(wish.values, this.#options.stateKeys, namespace(event));
    if (wish.kind === "activity") return this.#activities.show(wish.activity) ?? [plainCustom(event, limits)];
    // Graphs also return an emitted message, for their state.
    const spans = this.#open(event, { id: wish.messageId }, false);
    return this.#whole(event, spans, () => spans.push({ content: wish.text }));
  }

  /** A message that is sent whole. The node may return the same message again when it ends. */
  #whole(event: GraphEvent, spans: MessageSpans, said: (spans: MessageSpans) => AguiEvent[]): AguiEvent[] {
    const events = [...said(spans), ...spans.close()];
    this.#nodeMessages.noteSaid(event, spans.raw);
    return events;
  }

  /** The spans of a model run's message, begun with its first chunk. */
  #message(event: GraphEvent, first: MessageLike): MessageSpans {
    const known = this.#messages.get(event.run_id);
    if (known) return known; // The rules are looked up per message, not per token.
    const { tokens, reasoning } = this.#rules.of(event);
    return this.#messages.open(event.run_id, this.#open(event, first, reasoning, true), !tokens);
  }

  #open(event: GraphEvent, source: MessageLike, reasoning: boolean, ofModel = false): MessageSpans {
    const messageId = this.#nodeMessages.newId(source, event.run_id);
    const { reasoningTags, stateKeys } = this.#options;
    const calls = this.tools.entriesOf(messageId, event, predicting(event, stateKeys, this.#state));
    const spans = new MessageSpans(messageId, { name: nameOf(source, event), reasoning, reasoningTags, calls });
    this.#sent.addSpans(event, spans, source, ofModel);
    return spans;
  }

  #endMessage(event: GraphEvent): AguiEvent[] {
    const spans = this.#messages.get(event.run_id);
    if (!spans) return [];
    this.#finishReason = event.finishReason ?? this.#finishReason;
    const closers = this.#messages.close(event.run_id);
    this.#nodeMessages.noteSaid(event, spans.raw);
    return [...closers, modelCallEvent(event, spans.messageId, this.#usage.of(event.run_id))];
  }
}
