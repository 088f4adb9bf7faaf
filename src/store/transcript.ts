/**
 * The messages that Sluice sent to clients, built from the events that it sent. Snapshots and histories come from here,
 * never from the graph's checkpoint, which holds prompts and hidden nodes.
 */
import type { ActivityEvent } from "../protocol/activity.ts";
import {
  type AguiEvent,
  type AssistantMessage,
  EventType,
  type Message,
  spanPosition,
  type ToolCall,
} from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import { activityAfter, stateAfter } from "../protocol/patched.ts";
import { copy, type Draft, isAssistant, isSent, type Owner, ownerIn, type SentMessage } from "./draft.ts";
import { reopenedReasoning, reopenedText } from "./reopened.ts";
import { type Tombstone, tombstonesOf } from "./tombstones.ts";
import { WaitingMessages } from "./waiting-messages.ts";

/** Makes the events that open a span again for a late reader. `sent` has the messages that are open again already. */
type Reopen = (sent: Set<Draft>) => AguiEvent[];

export class Transcript {
  readonly #drafts = new Map<string, Draft>();
  readonly #calls = new Map<string, ToolCall>();
  /** The message that a call was announced with, if any. */
  readonly #parents = new Map<ToolCall, string>();
  readonly #open = new Map<string, Reopen>();
  /** Open reasoning spans whose message has begun: a span and its message each have their own start and end event. */
  readonly #reasoning = new Map<string, "open" | "closed">();
  readonly #removed: Tombstone[] = [];
  readonly #waiting = new WaitingMessages();
  #state: JsonValue | undefined;

  constructor(history: readonly Message[]) {
    for (const message of structuredClone(history) as Message[]) {
      this.#drafts.set(message.id, { message, open: false, announced: message.id });
      if (message.role !== "assistant") continue;
      for (const call of message.toolCalls ?? []) this.#calls.set(call.id, call);
    }
  }

  /** Every message. Open messages have their content so far. */
  get messages(): Message[] {
    return [...this.#drafts.values()].map((draft) => copy(draft.message));
  }

  /**
   * A message, after the reasoning that belongs to it. Empty when there is no such message. Other messages are not
   * copied.
   */
  withReasoning(id: string): Message[] {
    const messages = [...this.#drafts.values()].map(({ message }) => message);
    const at = messages.findIndex((message) => message.id === id);
    const before = messages.slice(0, Math.max(at, 0)).findLastIndex(({ role }) => role !== "reasoning");
    return messages.slice(before + 1, at + 1).map(copy);
  }

  /** The messages that were taken back. */
  get removed(): readonly Tombstone[] {
    return this.#removed;
  }

  /** The name and arguments of a call, so far. */
  call(id: string): ToolCall["function"] | undefined {
    return this.#calls.get(id)?.function;
  }

  /** The reports of messages that wait for the run. */
  get injected(): AguiEvent[] {
    return this.#waiting.reports;
  }

  /** The exposed state as it was sent last. */
  get state(): JsonValue | undefined {
    return this.#state;
  }

  /** The messages that can no longer grow. */
  get closed(): Message[] {
    return [...this.#drafts.values()].flatMap((draft) => (this.#canGrow(draft) ? [] : [copy(draft.message)]));
  }

  /** Events that open every open span again, with its content so far, in the order of the first opening. */
  reopen(): AguiEvent[] {
    const sent = new Set<Draft>();
    return [...this.#open.values()].flatMap((reopen) => reopen(sent));
  }

  /** Takes messages back, and replaces others by messages with the same ids. */
  correct({ removed, replaced }: { readonly removed: readonly string[]; readonly replaced: readonly Message[] }): void {
    for (const message of replaced) this.#replace(copy(message));
    const messages = [...this.#drafts.values()].map(({ message }) => message);
    for (const tombstone of tombstonesOf(messages, removed)) {
      this.#drafts.delete(tombstone.id);
      this.#removed.push(tombstone);
    }
  }

  push(event: AguiEvent): void {
    switch (event.type) {
      case EventType.RUN_STARTED:
        for (const message of event.input?.messages ?? []) this.#add(message);
        break;
      case EventType.TEXT_MESSAGE_START:
        if (event.role === "user") this.#startUser(event.messageId);
        else this.#startText(event.messageId, event.name, ownerIn(event));
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
      case EventType.REASONING_MESSAGE_CONTENT:
        this.#append(event.messageId, event.delta);
        break;
      case EventType.TEXT_MESSAGE_END:
        this.#open.delete(`text:${event.messageId}`);
        this.#speaking(event.messageId).open = false;
        break;
      case EventType.REASONING_START:
        this.#startReasoning(event.messageId, ownerIn(event));
        break;
      case EventType.REASONING_MESSAGE_START:
        this.#reasoning.set(event.messageId, "open");
        break;
      case EventType.REASONING_MESSAGE_END:
        this.#reasoning.set(event.messageId, "closed");
        break;
      case EventType.REASONING_END:
        this.#closeReasoning(event.messageId);
        break;
      case EventType.REASONING_ENCRYPTED_VALUE: {
        const message = this.#drafts.get(event.entityId)?.message;
        if (message?.role === "reasoning") message.encryptedValue = event.encryptedValue;
        break;
      }
      case EventType.TOOL_CALL_START:
        this.#startCall(event.toolCallId, event.toolCallName, event.parentMessageId, ownerIn(event));
        break;
      case EventType.TOOL_CALL_ARGS: {
        const call = this.#calls.get(event.toolCallId);
        if (call) call.function.arguments += event.delta;
        break;
      }
      case EventType.TOOL_CALL_END:
        this.#open.delete(`tool:${event.toolCallId}`);
        break;
      case EventType.TOOL_CALL_RESULT: {
        const { messageId: id, toolCallId, content, metadata } = event;
        const error = typeof metadata?.error === "string" ? { error: metadata.error } : {};
        this.#add({ id, role: "tool", toolCallId, content, ...error, ...ownerIn(event) });
        break;
      }
      case EventType.MESSAGES_SNAPSHOT:
        this.#drafts.clear();
        for (const message of event.messages) this.#add(copy(message));
        break;
      case EventType.STATE_SNAPSHOT:
      case EventType.STATE_DELTA:
        this.#state = stateAfter(this.#state, event);
        break;
      case EventType.CUSTOM:
        this.#waiting.note(event);
        break;
      case EventType.ACTIVITY_SNAPSHOT:
      case EventType.ACTIVITY_DELTA:
        this.#show(event);
        break;
      case EventType.STEP_STARTED:
      case EventType.SUBAGENT_STARTED: {
        const { timestamp: _, ...again } = event;
        this.#open.set(spanPosition(event).span ?? "", () => [again]);
        break;
      }
      case EventType.STEP_FINISHED:
      case EventType.SUBAGENT_FINISHED:
      case EventType.SUBAGENT_ERROR:
        this.#open.delete(spanPosition(event).span ?? "");
        break;
      default: // Nothing that belongs to a conversation.
    }
  }

  #show(event: ActivityEvent): void {
    const message = activityAfter(this.#drafts.get(event.messageId)?.message, event);
    if (message) this.#drafts.set(message.id, { message, open: false, announced: message.id });
  }

  #replace(message: Message): void {
    const draft = this.#drafts.get(message.id);
    if (!draft) return;
    Object.assign(message, ownerIn(draft.message));
    // A Map keeps the place of a key that is set again.
    this.#drafts.set(message.id, { ...draft, message });
    if (message.role !== "assistant") return;
    for (const call of message.toolCalls ?? []) {
      this.#calls.set(call.id, call);
      this.#parents.set(call, message.id);
    }
  }

  #add(message: Message): void {
    if (this.#drafts.has(message.id)) return;
    this.#drafts.set(message.id, { message, open: false, announced: message.id });
  }

  /**
   * The draft of an assistant message. It is made when a tool call is the first event about it. Ids come from clients,
   * models and graphs. If a message of another role has the id, the assistant's message stands beside it.
   */
  #assistant(announced: string, owner: Owner = {}): Draft & { readonly message: AssistantMessage } {
    const taken = this.#drafts.get(announced);
    const id = taken && taken.message.role !== "assistant" ? `assistant-${announced}` : announced;
    const known = this.#drafts.get(id);
    if (known && isAssistant(known)) return known;
    const fresh = { message: { id, role: "assistant" as const, ...owner }, open: false, announced };
    this.#drafts.set(id, fresh);
    return fresh;
  }

  /** The message that an event about text refers to. */
  #speaking(id: string): Draft & { readonly message: AssistantMessage | SentMessage } {
    const draft = this.#drafts.get(id);
    return draft?.open && isSent(draft) ? draft : this.#assistant(id);
  }

  /** Begins a user's message that was sent into the run. */
  #startUser(id: string): void {
    const message: SentMessage = { id, role: "user", content: "" };
    this.#drafts.set(id, { message, open: true, announced: id });
    this.#open.set(`text:${id}`, () => reopenedText(message));
  }

  #startText(id: string, name: string | undefined, owner: Owner): void {
    const draft = this.#assistant(id, owner);
    if (name !== undefined) draft.message.name = name;
    draft.message.content ??= "";
    draft.open = true;
    this.#open.set(`text:${id}`, (sent) => this.#reopen(draft, sent));
  }

  #startCall(id: string, name: string, parentMessageId: string | undefined, owner: Owner): void {
    const call: ToolCall = { id, type: "function", function: { name, arguments: "" } };
    const draft = this.#assistant(parentMessageId ?? id, owner);
    draft.message.toolCalls = [...(draft.message.toolCalls ?? []), call];
    this.#calls.set(id, call);
    if (parentMessageId !== undefined) this.#parents.set(call, parentMessageId);
    this.#open.set(`tool:${id}`, (sent) => this.#reopen(draft, sent));
  }

  /** An assistant message that can still grow. Its ended parts are included, so that all parts keep their order. */
  #reopen(draft: Draft & { readonly message: AssistantMessage }, sent: Set<Draft>): AguiEvent[] {
    if (sent.has(draft)) return [];
    sent.add(draft);
    const { message, open, announced: messageId } = draft;
    const events: AguiEvent[] = [];
    if (message.content !== undefined) {
      const { role, content, name } = message;
      events.push(...reopenedText({ id: messageId, role, content, name, ...ownerIn(message) }));
      if (!open) events.push({ type: EventType.TEXT_MESSAGE_END, messageId });
    }
    for (const call of message.toolCalls ?? []) {
      const { id: toolCallId, function: made } = call;
      const parent = this.#parents.get(call);
      const named = { toolCallId, toolCallName: made.name, ...ownerIn(message) };
      const start = { type: EventType.TOOL_CALL_START as const, ...named };
      events.push(parent === undefined ? start : { ...start, parentMessageId: parent });
      if (made.arguments) events.push({ type: EventType.TOOL_CALL_ARGS, toolCallId, delta: made.arguments });
      if (!this.#isOpen(call)) events.push({ type: EventType.TOOL_CALL_END, toolCallId });
    }
    return events;
  }

  #startReasoning(id: string, owner: Owner): void {
    const message: Message & { role: "reasoning" } = { id, role: "reasoning", content: "", ...owner };
    this.#drafts.set(id, { message, open: true, announced: id });
    this.#open.set(`reasoning:${id}`, () => reopenedReasoning(message, this.#reasoning.get(id)));
  }

  #append(id: string, delta: string): void {
    const own = this.#drafts.get(id)?.message;
    const message = own?.role === "reasoning" ? own : this.#speaking(id).message;
    message.content = (message.content ?? "") + delta;
  }

  #isOpen(call: ToolCall): boolean {
    return this.#calls.get(call.id) === call && this.#open.has(`tool:${call.id}`);
  }

  #canGrow({ message, open }: Draft): boolean {
    return open || (message.role === "assistant" && (message.toolCalls ?? []).some((call) => this.#isOpen(call)));
  }

  #closeReasoning(id: string): void {
    this.#reasoning.delete(id);
    this.#open.delete(`reasoning:${id}`);
    const draft = this.#drafts.get(id);
    if (draft) draft.open = false;
  }
}
