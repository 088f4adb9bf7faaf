/**
 * What clients were told, folded from the events that left. Snapshots and histories come from here, never from the
 * graph's checkpoint: that holds prompts and hidden nodes.
 */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type AguiEvent, type AssistantMessage, EventType, type Message, type ToolCall } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Tombstone } from "./tombstones.ts";

/** A message in the making. */
interface Draft {
  readonly message: Message;
  /** Its text or reasoning is open: it can still grow. */
  open: boolean;
  /** The id its text was announced with. */
  readonly announced: string;
}

/** A span that is open, and how to open it again for somebody who comes later. `told`: messages that were. */
type Reopen = (told: Set<Draft>) => AguiEvent[];

export class Transcript {
  readonly #drafts = new Map<string, Draft>();
  readonly #calls = new Map<string, ToolCall>();
  /** The message a call was announced with, where one was. */
  readonly #parents = new Map<ToolCall, string>();
  readonly #open = new Map<string, Reopen>();
  /** Open reasoning spans whose message has begun: a span and its message open and close in two events each. */
  readonly #reasoning = new Map<string, "open" | "closed">();
  readonly #removed: Tombstone[] = [];
  #state: JsonValue | undefined;

  constructor(history: readonly Message[]) {
    for (const message of structuredClone(history) as Message[]) {
      this.#drafts.set(message.id, { message, open: false, announced: message.id });
      if (message.role !== "assistant") continue;
      for (const call of message.toolCalls ?? []) this.#calls.set(call.id, call);
    }
  }

  /** Every message, those still open with what they said so far. */
  get messages(): Message[] {
    return [...this.#drafts.values()].map((draft) => copy(draft.message));
  }

  /** A message after the reasoning that led to it, without a copy of the others. Empty when there is no such message. */
  withReasoning(id: string): Message[] {
    const messages = [...this.#drafts.values()].map(({ message }) => message);
    const at = messages.findIndex((message) => message.id === id);
    const before = messages.slice(0, Math.max(at, 0)).findLastIndex(({ role }) => role !== "reasoning");
    return messages.slice(before + 1, at + 1).map(copy);
  }

  /** What was taken back. */
  get removed(): readonly Tombstone[] {
    return this.#removed;
  }

  /** The exposed state as it was told last. */
  get state(): JsonValue | undefined {
    return this.#state;
  }

  /** The messages nothing can be added to any more. */
  get closed(): Message[] {
    return [...this.#drafts.values()].flatMap((draft) => (this.#canGrow(draft) ? [] : [copy(draft.message)]));
  }

  /** What is open, opened again and with all that was said so far, in the order it was first opened. */
  reopen(): AguiEvent[] {
    const told = new Set<Draft>();
    return [...this.#open.values()].flatMap((reopen) => reopen(told));
  }

  /** Takes messages back, and puts others in the place of those with their ids. */
  correct({ removed, replaced }: { readonly removed: readonly string[]; readonly replaced: readonly Message[] }): void {
    for (const message of replaced) this.#replace(copy(message));
    const gone = new Set(removed);
    const calls = new Set<string>();
    for (const { message } of this.#drafts.values()) {
      if (gone.has(message.id)) for (const id of callsOf(message)) calls.add(id);
    }
    for (const { message } of this.#drafts.values()) {
      // Of a call that came again under its id, the result belongs to the one that is left.
      if (!gone.has(message.id)) for (const id of callsOf(message)) calls.delete(id);
    }
    for (const { message } of this.#drafts.values()) {
      if (message.role === "tool" && calls.has(message.toolCallId)) gone.add(message.id);
    }
    let after: string | undefined;
    for (const [id, { message }] of [...this.#drafts]) {
      if (gone.has(id)) {
        this.#drafts.delete(id);
        const own = callsOf(message);
        this.#removed.push({
          id,
          ...(after === undefined ? {} : { after }),
          ...(own.length > 0 ? { calls: own } : {}),
        });
      } else after = id;
    }
  }

  push(event: AguiEvent): void {
    switch (event.type) {
      case EventType.RUN_STARTED:
        for (const message of event.input?.messages ?? []) this.#add(message);
        break;
      case EventType.TEXT_MESSAGE_START:
        this.#startText(event.messageId, event.name);
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
      case EventType.REASONING_MESSAGE_CONTENT:
        this.#append(event.messageId, event.delta);
        break;
      case EventType.TEXT_MESSAGE_END:
        this.#open.delete(`text:${event.messageId}`);
        this.#assistant(event.messageId).open = false;
        break;
      case EventType.REASONING_START:
        this.#startReasoning(event.messageId);
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
        this.#startCall(event.toolCallId, event.toolCallName, event.parentMessageId);
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
        this.#add({ id, role: "tool", toolCallId, content, ...error });
        break;
      }
      case EventType.MESSAGES_SNAPSHOT:
        this.#drafts.clear();
        for (const message of event.messages) this.#add(copy(message));
        break;
      case EventType.STATE_SNAPSHOT:
        this.#state = event.snapshot as JsonValue;
        break;
      case EventType.STATE_DELTA:
        this.#state = jsonPatch.applyPatch(this.#state, event.delta as Operation[], false, false).newDocument;
        break;
      case EventType.STEP_STARTED:
        this.#open.set(`step:${event.stepName}`, () => [{ type: EventType.STEP_STARTED, stepName: event.stepName }]);
        break;
      case EventType.STEP_FINISHED:
        this.#open.delete(`step:${event.stepName}`);
        break;
      default: // Nothing that belongs to a conversation.
    }
  }

  #replace(message: Message): void {
    const draft = this.#drafts.get(message.id);
    if (!draft) return;
    // Set anew under the same key, it keeps its place.
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
   * The draft of an assistant message; made when a tool call is the first to speak of it. Ids come from clients, models
   * and graphs: where one is taken by a message of another role, the assistant's stands beside it.
   */
  #assistant(announced: string): Draft & { readonly message: AssistantMessage } {
    const taken = this.#drafts.get(announced);
    const id = taken && taken.message.role !== "assistant" ? `assistant-${announced}` : announced;
    const known = this.#drafts.get(id);
    if (known && isAssistant(known)) return known;
    const fresh = { message: { id, role: "assistant" as const }, open: false, announced };
    this.#drafts.set(id, fresh);
    return fresh;
  }

  #startText(id: string, name: string | undefined): void {
    const draft = this.#assistant(id);
    if (name !== undefined) draft.message.name = name;
    draft.message.content ??= "";
    draft.open = true;
    this.#open.set(`text:${id}`, (told) => this.#tell(draft, told));
  }

  #startCall(id: string, name: string, parentMessageId: string | undefined): void {
    const call: ToolCall = { id, type: "function", function: { name, arguments: "" } };
    const draft = this.#assistant(parentMessageId ?? id);
    draft.message.toolCalls = [...(draft.message.toolCalls ?? []), call];
    this.#calls.set(id, call);
    if (parentMessageId !== undefined) this.#parents.set(call, parentMessageId);
    this.#open.set(`tool:${id}`, (told) => this.#tell(draft, told));
  }

  /** An assistant message that can still grow: what has ended of it as well, so that its parts keep their order. */
  #tell(draft: Draft & { readonly message: AssistantMessage }, told: Set<Draft>): AguiEvent[] {
    if (told.has(draft)) return [];
    told.add(draft);
    const { message, open, announced: messageId } = draft;
    const events: AguiEvent[] = [];
    if (message.content !== undefined) {
      const named = message.name === undefined ? {} : { name: message.name };
      events.push({ type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant", ...named });
      if (message.content) events.push({ type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta: message.content });
      if (!open) events.push({ type: EventType.TEXT_MESSAGE_END, messageId });
    }
    for (const call of message.toolCalls ?? []) {
      const { id: toolCallId, function: made } = call;
      const parent = this.#parents.get(call);
      const start = { type: EventType.TOOL_CALL_START as const, toolCallId, toolCallName: made.name };
      events.push(parent === undefined ? start : { ...start, parentMessageId: parent });
      if (made.arguments) events.push({ type: EventType.TOOL_CALL_ARGS, toolCallId, delta: made.arguments });
      if (!this.#isOpen(call)) events.push({ type: EventType.TOOL_CALL_END, toolCallId });
    }
    return events;
  }

  #startReasoning(id: string): void {
    const message: Message & { role: "reasoning" } = { id, role: "reasoning", content: "" };
    this.#drafts.set(id, { message, open: true, announced: id });
    this.#open.set(`reasoning:${id}`, () => {
      const messageId = id;
      const events: AguiEvent[] = [{ type: EventType.REASONING_START, messageId }];
      const part = this.#reasoning.get(id);
      if (!part) return events;
      events.push({ type: EventType.REASONING_MESSAGE_START, messageId, role: "reasoning" });
      const { content: delta } = message;
      if (delta) events.push({ type: EventType.REASONING_MESSAGE_CONTENT, messageId, delta });
      if (part === "closed") events.push({ type: EventType.REASONING_MESSAGE_END, messageId });
      const { encryptedValue } = message;
      if (encryptedValue !== undefined) {
        events.push({ type: EventType.REASONING_ENCRYPTED_VALUE, subtype: "message", entityId: id, encryptedValue });
      }
      return events;
    });
  }

  #append(id: string, delta: string): void {
    const own = this.#drafts.get(id)?.message;
    const message = own?.role === "reasoning" ? own : this.#assistant(id).message;
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

function isAssistant(draft: Draft): draft is Draft & { readonly message: AssistantMessage } {
  return draft.message.role === "assistant";
}

function callsOf(message: Message): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}

/** Drafts grow in place; what is handed out must not. */
function copy(message: Message): Message {
  return structuredClone(message);
}
