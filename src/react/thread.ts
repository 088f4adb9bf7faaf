/**
 * Builds a thread's messages, questions and active run from its events. Pure, because React may apply an event twice.
 */
import { type InjectedMessage, injectedAfter, withInjected, withoutInjected } from "../client/injected.ts";
import { applyPatch } from "../client/json-patch.ts";
import { activityAfterPatch } from "../protocol/activity.ts";
import { type AguiEvent, EventType, type Interrupt, type Message, type ToolCall } from "../protocol/events.ts";

/**
 * Why a run failed, or a request of this client was refused. `code` is a code of PROTOCOL.md or of `ConnectionError`.
 */
export interface ThreadError {
  readonly code: string;
  readonly message: string;
}

/** A tool call, with its result as soon as there is one. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  /** JSON, complete when the call has ended. */
  readonly arguments: string;
  readonly result: Extract<Message, { role: "tool" }> | undefined;
}

export interface Thread {
  readonly id: string;
  /** The messages that the server has. */
  readonly messages: readonly Message[];
  /** The messages that were sent and that the server has not confirmed. */
  readonly unsent: readonly Message[];
  /** The messages that were sent into a run and that the thread does not have. */
  readonly injected: readonly InjectedMessage[];
  readonly interrupts: readonly Interrupt[];
  /** The active run. */
  readonly runId: string | undefined;
  readonly error: ThreadError | undefined;
}

export type Change =
  | { readonly kind: "follow"; readonly threadId: string }
  | { readonly kind: "event"; readonly event: AguiEvent }
  | { readonly kind: "sent"; readonly messages: readonly Message[] }
  | { readonly kind: "injected"; readonly message: InjectedMessage }
  | { readonly kind: "dismissed"; readonly id: string }
  | { readonly kind: "refused"; readonly messages: readonly Message[]; readonly error: ThreadError };

export function emptyThread(id: string): Thread {
  return { id, messages: [], unsent: [], injected: [], interrupts: [], runId: undefined, error: undefined };
}

export function changed(thread: Thread, change: Change): Thread {
  switch (change.kind) {
    case "follow":
      return emptyThread(change.threadId);
    case "event":
      return after(withReports(thread, change.event), change.event);
    case "sent":
      return { ...thread, unsent: [...thread.unsent, ...change.messages], error: undefined };
    case "injected":
      return { ...thread, injected: withInjected(thread.injected, change.message) };
    case "dismissed":
      return { ...thread, injected: withoutInjected(thread.injected, [change.id]) };
    case "refused":
      return { ...thread, unsent: without(thread.unsent, change.messages), error: change.error };
  }
}

/** The tool calls of the messages, in their order. */
export function toolsOf(messages: readonly Message[]): ToolUse[] {
  const results = new Map(
    messages.flatMap((message) => (message.role === "tool" ? [[message.toolCallId, message]] : [])),
  );
  return messages
    .flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []))
    .map(({ id, function: called }) => ({ id, ...called, result: results.get(id) }));
}

function withReports(thread: Thread, event: AguiEvent): Thread {
  const injected = injectedAfter(thread.injected, event);
  return injected === thread.injected ? thread : { ...thread, injected };
}

function after(thread: Thread, event: AguiEvent): Thread {
  switch (event.type) {
    case EventType.RUN_STARTED: {
      const sent = event.input?.messages ?? [];
      const messages = [...thread.messages, ...without(sent, thread.messages)];
      const unsent = without(thread.unsent, messages);
      return { ...thread, messages, unsent, interrupts: [], runId: event.runId, error: undefined };
    }
    case EventType.MESSAGES_SNAPSHOT:
      return { ...thread, messages: event.messages, unsent: without(thread.unsent, event.messages) };
    case EventType.RUN_FINISHED: {
      const interrupts = event.outcome?.type === "interrupt" ? event.outcome.interrupts : [];
      return { ...thread, interrupts, runId: undefined };
    }
    case EventType.RUN_ERROR:
      return { ...thread, runId: undefined, error: { code: event.code ?? "internal", message: event.message } };
    default: {
      const messages = said(thread.messages, event);
      return messages === thread.messages ? thread : { ...thread, messages };
    }
  }
}

function said(messages: readonly Message[], event: AguiEvent): readonly Message[] {
  switch (event.type) {
    case EventType.TEXT_MESSAGE_START: {
      const { messageId: id, role = "assistant", name } = event;
      return put(messages, {
        ...known(messages, id),
        id,
        role,
        ...(name ? { name } : {}),
        ...ownerIn(event),
        content: "",
      } as Message);
    }
    case EventType.REASONING_MESSAGE_START:
      return put(messages, { id: event.messageId, role: "reasoning", ...ownerIn(event), content: "" });
    case EventType.TEXT_MESSAGE_CONTENT:
    case EventType.REASONING_MESSAGE_CONTENT: {
      const message = known(messages, event.messageId);
      return message
        ? put(messages, { ...message, content: `${message.content ?? ""}${event.delta}` } as Message)
        : messages;
    }
    case EventType.TOOL_CALL_START: {
      const { toolCallId, toolCallName: name, parentMessageId: id = toolCallId } = event;
      const call = { id: toolCallId, type: "function" as const, function: { name, arguments: "" } };
      return putCall(messages, id, call, ownerIn(event));
    }
    case EventType.TOOL_CALL_ARGS: {
      for (const message of messages.toReversed()) {
        const call = callsOf(message).find(({ id }) => id === event.toolCallId);
        if (!call) continue;
        const { name, arguments: args } = call.function;
        return putCall(messages, message.id, { ...call, function: { name, arguments: args + event.delta } });
      }
      return messages;
    }
    case EventType.TOOL_CALL_RESULT: {
      const { messageId: id, toolCallId, content, metadata } = event;
      const error = typeof metadata?.error === "string" ? { error: metadata.error } : {};
      return put(messages, { id, role: "tool", toolCallId, content, ...error, ...ownerIn(event) } as Message);
    }
    case EventType.ACTIVITY_SNAPSHOT:
    case EventType.ACTIVITY_DELTA: {
      const activity = activityAfterPatch(known(messages, event.messageId), event, applyPatch);
      return activity ? put(messages, activity) : messages;
    }
    default:
      return messages;
  }
}

type Owner = { readonly subagentRunId?: string };

/** The subagent that a message is of. */
function ownerIn({ subagentRunId }: { readonly subagentRunId?: string | undefined }): Owner {
  return subagentRunId === undefined ? {} : { subagentRunId };
}

function known(messages: readonly Message[], id: string): Message | undefined {
  return messages.findLast((message) => message.id === id);
}

function callsOf(message: Message | undefined): readonly ToolCall[] {
  return message?.role === "assistant" ? (message.toolCalls ?? []) : [];
}

/** Puts a message in the place of the one with its id, or at the end. */
function put<T extends { readonly id: string }>(list: readonly T[], item: T): T[] {
  const index = list.findLastIndex(({ id }) => id === item.id);
  return index < 0 ? [...list, item] : list.with(index, item);
}

function putCall(messages: readonly Message[], messageId: string, call: ToolCall, owner: Owner = {}): Message[] {
  const message = known(messages, messageId);
  const toolCalls = put(callsOf(message), call);
  return put(messages, { ...owner, ...message, id: messageId, role: "assistant", toolCalls } as Message);
}

function without(messages: readonly Message[], others: readonly Message[]): Message[] {
  const ids = new Set(others.map(({ id }) => id));
  return messages.filter(({ id }) => !ids.has(id));
}
