/**
 * The messages that a run sent, compared with the graph's state. The state may replace or remove a message, or never
 * take it. Messages of failed or repeated model calls, and drafts of nodes that ran again, are taken back.
 *
 * A message is known by its id in the state. Some get that id only after they were sent, so LangChain's own objects
 * are kept: LangGraph writes the id into them.
 */
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { type GraphEvent, isInside, namespace } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import type { CallBook } from "./call-book.ts";
import { type MessageLike, messageType } from "./content.ts";
import {
  callsIn,
  type HeldMessage,
  type HeldReader,
  heldReader,
  isSame,
  onlyAdds,
  repeats,
  sameText,
} from "./held-message.ts";
import { isWhole, messagesIn, REMOVE_ALL } from "./message-likes.ts";
import type { MessageSpans } from "./message-spans.ts";
import { isReasoningOf } from "./reasoning-spans.ts";
import { callsOf, type NewSent, type Sent } from "./sent-message.ts";

/** The changes that clients are to make to what they were sent. */
export interface Correction {
  /** Ids of the messages that no longer hold. */
  readonly removed: readonly string[];
  /** Messages that say something else now, each in the place of the one with its id. */
  readonly replaced: readonly Message[];
}

export interface SentMessagesOptions {
  /** Names of the tags between which text is thought. */
  readonly reasoningTags: readonly string[];
  readonly book: CallBook;
  /** Any message that the state removes is removed here: earlier runs' messages, and those of people, too. */
  readonly followsState: boolean;
}

export class SentMessages {
  readonly #followsState: boolean;
  readonly #book: CallBook;
  readonly #reader: HeldReader;
  readonly #sent = new Map<string, Sent>();
  /** The result of each call, by the id that clients know the call by. */
  readonly #results = new Map<string, Sent>();
  /** The pending corrections: the new message, or `undefined` if the message was removed. */
  readonly #changes = new Map<string, Message | undefined>();

  constructor({ reasoningTags, followsState, book }: SentMessagesOptions) {
    this.#followsState = followsState;
    this.#book = book;
    this.#reader = heldReader(reasoningTags, (given, also) => book.free(given, also));
  }

  /** Adds messages of the thread that count as this run's own. `drafts`: where nodes run again. `stateIds`: see there. */
  addEarlier(
    messages: readonly Message[],
    drafts: Readonly<Record<string, string>>,
    stateIds: typeof drafts = {},
  ): void {
    const ids = messages.map(({ id }) => id);
    for (const message of messages) {
      const { id, role } = message;
      if (role !== "assistant" && role !== "tool" && !(role === "user" && this.#followsState)) continue;
      const calls = callsOf(message).map((id) => ({ id, given: this.#book.get(id)?.given }));
      this.#add({
        id,
        role,
        place: drafts[id] ?? "",
        held: () => message,
        calls: () => calls,
        thoughts: () => ids.filter((other) => isReasoningOf(other, id)),
        answers: role === "tool" ? message.toolCallId : undefined,
        settled: !Object.hasOwn(drafts, id),
        source: { id: stateIds[id] ?? id },
      });
    }
  }

  /** A message of this run. */
  addSpans(event: GraphEvent, spans: MessageSpans, source: MessageLike, ofModel: boolean): void {
    this.#add({
      id: spans.messageId,
      role: "assistant",
      place: namespace(event),
      held: () => this.#book.shown(spans.held),
      calls: () => spans.calls,
      thoughts: () => spans.thoughts,
      ofModel,
      source,
    });
  }

  /** Results of tools. Gives back the events that have them. */
  addResults(event: GraphEvent, results: AguiEvent[], source: MessageLike | undefined): AguiEvent[] {
    for (const result of results) this.#addResult(event, result, source);
    return results;
  }

  #addResult(event: GraphEvent, result: AguiEvent, source: MessageLike | undefined): void {
    if (result.type !== EventType.TOOL_CALL_RESULT) return;
    const { messageId: id, toolCallId, content, metadata } = result;
    const error = typeof metadata?.error === "string" ? { error: metadata.error } : {};
    const held = { id, role: "tool", toolCallId, content, ...error } as const;
    const thrown = source === undefined && "error" in error;
    this.#add({ id, role: "tool", place: namespace(event), held: () => held, answers: toolCallId, thrown, source });
  }

  #add(added: NewSent): void {
    const { source, settled = false, answers } = added;
    const sent: Sent = { ...added, settled, half: false, sources: source ? [source] : [] };
    this.#sent.set(sent.id, sent);
    if (answers === undefined) return;
    // If a call has two results, the later one is kept.
    const earlier = this.#results.get(answers);
    if (earlier) this.#discard(earlier);
    this.#results.set(answers, sent);
  }

  /** The place that a message was sent from; `undefined` if it no longer holds, as far as is known. */
  placeOf(id: string): string | undefined {
    return this.#sent.get(id)?.place;
  }

  /** Notes that the model call of this message failed. The message stays until the graph goes on without it. */
  fail(id: string): void {
    const sent = this.#sent.get(id);
    if (!sent) return;
    sent.half = true;
    this.#drop(sent);
  }

  /** Takes back the messages of failed model calls in this place, because the graph goes on there. */
  goesOn(event: GraphEvent): void {
    const place = namespace(event);
    for (const sent of this.#sent.values()) if (sent.half && isInside(sent.place, place)) this.#discard(sent);
  }

  /** A node begins. When the same execution begins again, its earlier messages were drafts. */
  began(event: GraphEvent): void {
    const place = namespace(event);
    for (const sent of this.#sent.values()) {
      if (place !== "" && sent.place === place && !sent.settled && sent.role === "assistant") this.#discard(sent);
    }
  }

  /** Compares sent messages with the update of a node that ended. `admitted`: may its messages be sent? */
  ended(event: GraphEvent, admitted: boolean): void {
    this.goesOn(event);
    const { output, input } = isRecord(event.data) ? event.data : {};
    const place = namespace(event);
    const update = messagesIn(output);
    const whole = isWhole(output);
    const returned = new Set<Sent>();
    if (!whole || this.#followsState) {
      const given = new Set(messagesIn(input).map(({ id }) => id));
      const byId = this.#byId();
      if (whole) this.#keepOnly(update, byId);
      // The last message of an id counts, because a message may be removed and added again.
      for (const message of new Map(update.map((one) => [one.id ?? one, one])).values()) {
        const sent =
          byId.get(message.id) ?? (given.has(message.id) ? undefined : this.#unnamed(message, place, returned));
        if (!sent || !this.#sent.has(sent.id)) continue;
        returned.add(sent);
        if (messageType(message) === "remove") this.#discard(sent);
        else this.#compare(sent, message, admitted);
      }
    }
    const own = [...this.#sent.values()].filter((sent) => sent.place === place && !sent.settled);
    // A node that returns the answer of one of its model calls discards the answers that it does not return.
    const unwanted = own.some((sent) => sent.ofModel && returned.has(sent))
      ? own.filter((sent) => !returned.has(sent))
      : [];
    for (const sent of unwanted) if (sent.ofModel && !this.#isAnswered(sent)) this.#discard(sent);
    for (const sent of own) sent.settled = true;
  }

  /** Takes back the messages of failed model calls when the graph has ended or asks: it did without them. */
  finish(): void {
    for (const sent of this.#sent.values()) if (sent.half) this.#discard(sent);
  }

  /** The ids of messages in the graph's state, by the ids that clients know, where the two differ. */
  get stateIds(): Record<string, string> {
    const own = ({ id, sources }: Sent) =>
      sources.flatMap((one) => (typeof one.id === "string" && one.id !== id ? [[id, one.id]] : []));
    return Object.fromEntries([...this.#sent.values()].flatMap(own));
  }

  /** The messages of nodes that will run again, each with its place. */
  get drafts(): Record<string, string> {
    const drafts = [...this.#sent.values()].filter(
      ({ settled, place, role }) => !settled && place !== "" && role === "assistant",
    );
    return Object.fromEntries(drafts.map(({ id, place }) => [id, place]));
  }

  /** Is there anything to correct? Asked with every token. */
  get pending(): boolean {
    return this.#changes.size > 0;
  }

  /** The correction that is due. A caller that takes it promises to send it. */
  take(): Correction {
    const changes = [...this.#changes];
    this.#changes.clear();
    return {
      removed: changes.flatMap(([id, message]) => (message ? [] : [id])),
      replaced: changes.flatMap(([, message]) => message ?? []),
    };
  }

  #compare(sent: Sent, message: MessageLike, admitted: boolean): void {
    const before = sent.held();
    const now = this.#book.shown(this.#reader(message, before, sent.calls?.() ?? []));
    if (isSame(before, now) || (sent.thrown && repeats(now, before))) return;
    if (!admitted) {
      // Text that may not be sent replaced text that was sent. If it only adds to that, nothing was taken back.
      if (!onlyAdds(before, now)) this.#discard(sent);
      return;
    }
    sent.held = () => now;
    this.#changes.set(sent.id, now);
    this.#recall(sent, before, now, message);
    // The reasoning for the old text may hold the content that was removed from it.
    if (!sameText(before, now)) for (const id of sent.thoughts?.() ?? []) this.#changes.set(id, undefined);
  }

  /** Updates the calls of a changed message: some were dropped, and a node added some. */
  #recall(sent: Sent, before: HeldMessage, now: HeldMessage, message: MessageLike): void {
    const kept = callsOf(now);
    for (const id of callsOf(before)) if (!kept.includes(id)) this.#book.withdraw(id);
    if (now.role !== "assistant") return;
    const calls = callsIn(message).map(({ id: given }, index) => ({ id: kept[index] ?? "", given }));
    for (const [index, { id, function: made }] of (now.toolCalls ?? []).entries()) {
      const { name, arguments: args } = made;
      const { place, id: parent } = sent;
      if (this.#book.get(id)) this.#book.complete(id, args);
      else this.#book.enter({ wanted: id, given: calls[index]?.given, name, place, parent, args });
    }
    sent.calls = () => calls;
  }

  /** A message of the state that was sent before it had an id, or under the call that it answers. */
  #unnamed(message: MessageLike, place: string, returned: ReadonlySet<Sent>): Sent | undefined {
    const { tool_call_id: given } = message;
    if (typeof given === "string") {
      const results = [...this.#results].flatMap(([id, sent]) => (this.#book.get(id)?.given === given ? [sent] : []));
      const here = results.filter((sent) => sent.place === place && !returned.has(sent));
      return results.find(({ sources }) => sources.includes(message)) ?? here[0];
    }
    if (messageType(message) !== "ai") return undefined;
    // Nodes put a model's text into messages of their own.
    const wrapped = [...this.#sent.values()].find((sent) => {
      if (sent.role !== "assistant" || !isInside(sent.place, place)) return false;
      const held = sent.held();
      return isSame(held, this.#book.shown(this.#reader(message, held, sent.calls?.() ?? [])));
    });
    wrapped?.sources.push(message);
    return wrapped;
  }

  #byId(): Map<unknown, Sent> {
    const sent = [...this.#sent.values()];
    // Object ids come last, so that they win over the ids that clients know.
    return new Map([
      ...sent.map((one): [unknown, Sent] => [one.id, one]),
      ...sent.flatMap((one) =>
        one.sources.flatMap(({ id }): [unknown, Sent][] => (id === undefined ? [] : [[id, one]])),
      ),
    ]);
  }

  /** Takes back every sent message that is not among these. */
  #keepOnly(messages: readonly MessageLike[], byId: ReadonlyMap<unknown, Sent>): void {
    const start = messages.findLastIndex(({ id }) => id === REMOVE_ALL);
    const kept = new Set(messages.slice(start + 1).map(({ id }) => byId.get(id)));
    for (const sent of this.#sent.values()) if (!kept.has(sent)) this.#discard(sent);
  }

  #isAnswered(sent: Sent): boolean {
    return (sent.calls?.() ?? []).some(({ id }) => this.#results.has(id));
  }

  #discard(sent: Sent): void {
    this.#sent.delete(sent.id);
    if (sent.answers !== undefined && this.#results.get(sent.answers) === sent) this.#results.delete(sent.answers);
    for (const id of [sent.id, ...(sent.thoughts?.() ?? [])]) this.#changes.set(id, undefined);
    this.#drop(sent);
  }

  #drop(sent: Sent): void {
    for (const id of callsOf(sent.held())) this.#book.withdraw(id);
  }
}
