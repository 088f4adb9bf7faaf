/**
 * What clients were told, folded from the events that left. Snapshots and histories come from here, never from the
 * graph's checkpoint: that holds prompts and hidden nodes.
 */
import jsonPatch, { type Operation } from "fast-json-patch";
import { type AguiEvent, type AssistantMessage, EventType, type Message, type ToolCall } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";

/** A message in the making. */
interface Draft {
  readonly message: Message;
  /** Its text or reasoning is open: it can still grow. */
  open: boolean;
}

/** A span that is open, and how to open it again for somebody who comes later. */
type Reopen = () => AguiEvent[];

export class Transcript {
  readonly #drafts = new Map<string, Draft>();
  readonly #calls = new Map<string, ToolCall>();
  readonly #open = new Map<string, Reopen>();

  #state: JsonValue | undefined;

  constructor(history: readonly Message[]) {
    for (const message of structuredClone(history) as Message[]) {
      this.#drafts.set(message.id, { message, open: false });
      if (message.role !== "assistant") continue;
      for (const call of message.toolCalls ?? []) this.#calls.set(call.id, call);
    }
  }

  /** Every message, those still open with what they said so far. */
  get messages(): Message[] {
    return [...this.#drafts.values()].map((draft) => copy(draft.message));
  }

  /** The exposed state as it was told last. */
  get state(): JsonValue | undefined {
    return this.#state;
  }

  /** The messages nothing can be added to any more, without the tool calls that are still open. */
  get closed(): Message[] {
    return [...this.#drafts.values()].flatMap(({ message, open }) => {
      if (open) return [];
      if (message.role !== "assistant" || !message.toolCalls) return [copy(message)];
      const toolCalls = message.toolCalls.filter((call) => !this.#open.has(`tool:${call.id}`));
      if (toolCalls.length === 0 && !message.content) return [];
      const { toolCalls: _, ...rest } = message;
      return [copy(toolCalls.length > 0 ? { ...rest, toolCalls } : rest)];
    });
  }

  /** What is open, opened again and with all that was said so far, in the order it was first opened. */
  reopen(): AguiEvent[] {
    return [...this.#open.values()].flatMap((reopen) => reopen());
  }

  push(event: AguiEvent): void {
    switch (event.type) {
      case EventType.RUN_STARTED:
        for (const message of event.input?.messages ?? []) this.#add(message);
        break;
      case EventType.TEXT_MESSAGE_START:
        this.#startText(event.messageId);
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
      case EventType.REASONING_MESSAGE_CONTENT:
        this.#append(event.messageId, event.delta);
        break;
      case EventType.TEXT_MESSAGE_END:
        this.#close(`text:${event.messageId}`, event.messageId);
        break;
      case EventType.REASONING_START:
        this.#startReasoning(event.messageId);
        break;
      case EventType.REASONING_END:
        this.#close(`reasoning:${event.messageId}`, event.messageId);
        break;
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

  #add(message: Message): void {
    if (!this.#drafts.has(message.id)) this.#drafts.set(message.id, { message, open: false });
  }

  /** The draft of an assistant message; made when a tool call is the first to speak of it. */
  #assistant(id: string): AssistantMessage {
    this.#add({ id, role: "assistant" });
    const message = this.#drafts.get(id)?.message;
    if (message?.role === "assistant") return message;
    throw new Error(`Message "${id}" was announced twice, as ${message?.role} and as assistant.`);
  }

  #startText(id: string): void {
    const message = this.#assistant(id);
    message.content ??= "";
    this.#setOpen(id, true);
    this.#open.set(`text:${id}`, () => [
      { type: EventType.TEXT_MESSAGE_START, messageId: id, role: "assistant" },
      ...(message.content
        ? [{ type: EventType.TEXT_MESSAGE_CONTENT as const, messageId: id, delta: message.content }]
        : []),
    ]);
  }

  #startReasoning(id: string): void {
    const message = { id, role: "reasoning" as const, content: "" };
    this.#drafts.set(id, { message, open: true });
    this.#open.set(`reasoning:${id}`, () => [
      { type: EventType.REASONING_START, messageId: id },
      { type: EventType.REASONING_MESSAGE_START, messageId: id, role: "reasoning" },
      ...(message.content
        ? [{ type: EventType.REASONING_MESSAGE_CONTENT as const, messageId: id, delta: message.content }]
        : []),
    ]);
  }

  #startCall(id: string, name: string, parentMessageId: string | undefined): void {
    const call: ToolCall = { id, type: "function", function: { name, arguments: "" } };
    const parent = this.#assistant(parentMessageId ?? id);
    parent.toolCalls = [...(parent.toolCalls ?? []), call];
    this.#calls.set(id, call);
    this.#open.set(`tool:${id}`, () => [
      {
        type: EventType.TOOL_CALL_START,
        toolCallId: id,
        toolCallName: name,
        ...(parentMessageId ? { parentMessageId } : {}),
      },
      ...(call.function.arguments
        ? [{ type: EventType.TOOL_CALL_ARGS as const, toolCallId: id, delta: call.function.arguments }]
        : []),
    ]);
  }

  #append(id: string, delta: string): void {
    const message = this.#drafts.get(id)?.message;
    if (message?.role === "assistant" || message?.role === "reasoning")
      message.content = (message.content ?? "") + delta;
  }

  #close(span: string, messageId: string): void {
    this.#open.delete(span);
    this.#setOpen(messageId, false);
  }

  #setOpen(id: string, open: boolean): void {
    const draft = this.#drafts.get(id);
    if (draft) draft.open = open;
  }
}

/** Drafts grow in place; what is handed out must not. */
function copy(message: Message): Message {
  return structuredClone(message);
}
