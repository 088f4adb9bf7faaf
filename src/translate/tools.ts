/** Tool executions: the calls no model streamed, and every call's result. */
import { isDeepStrictEqual } from "node:util";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonLimits, toJson, toJsonValue } from "../protocol/json.ts";
import { redact } from "../protocol/redact.ts";
import { bounded } from "../protocol/text.ts";
import type { CallBook } from "./call-spans.ts";
import { asMessage, type MessageLike, messageType } from "./content.ts";
import { messagesIn } from "./message-likes.ts";
import { type ToolResult, toolResult } from "./tool-result.ts";

/** A call that waits for its result. */
interface Waiting {
  readonly name: string;
  /** As JSON text; `undefined` as long as not all of them are there. */
  args?: string;
}

export class ToolCalls implements CallBook {
  readonly taken = new Set<string>();
  /** Calls the client knows: of this run, and of the thread's earlier ones. */
  readonly #known = new Set<string>();
  /** Calls whose result was told, or may not be. */
  readonly #answered = new Set<string>();
  /** Of the known ones those that no tool has run yet, in the order they were made. */
  readonly #waiting = new Map<string, Waiting>();
  /** Which call a tool's run without an id answers, by LangGraph's run id. */
  readonly #claimed = new Map<string, string>();
  /** Ids of messages that clients have: a result's is none of them. */
  readonly #messageIds = new Set<string>();

  /** `history`: what the thread's clients were told before. */
  constructor(history: readonly Message[]) {
    for (const message of history) {
      if (message.role !== "assistant") continue;
      for (const { id, function: made } of message.toolCalls ?? []) {
        this.announce(id, made.name);
        this.complete(id, made.arguments);
      }
    }
    this.note(history);
  }

  /** Messages that clients have: the results among them are no news. */
  note(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#messageIds.add(message.id);
      if (message.role === "tool") this.#answer(message.toolCallId);
    }
  }

  /** Some models use an id again with every turn: another call, which waits for another result. */
  announce(toolCallId: string, name: string): void {
    this.#known.add(toolCallId);
    this.#answered.delete(toolCallId);
    this.#waiting.set(toolCallId, { name });
  }

  complete(toolCallId: string, args: string): void {
    const call = this.#waiting.get(toolCallId);
    if (call) call.args = args === "" ? "{}" : args;
  }

  /** A call that was taken back. */
  forget(toolCallId: string): void {
    this.#known.delete(toolCallId);
    this.#waiting.delete(toolCallId);
  }

  isKnown(toolCallId: string): boolean {
    return this.#known.has(toolCallId);
  }

  /** The call that a tool's run answers. A tool that a node calls with bare arguments gets no id from LangChain. */
  callOf(event: GraphEvent): string {
    const id = event.toolCallId ?? this.#claimed.get(event.run_id) ?? this.#matching(event) ?? event.run_id;
    this.#waiting.delete(id);
    this.#claimed.set(event.run_id, id);
    return id;
  }

  /** A call that a model streamed is not announced a second time. `limits`: how messages in it are written. */
  start(event: GraphEvent, limits?: JsonLimits): AguiEvent[] {
    return this.tell(this.callOf(event), event.name, () => toJson(inputOf(event.data), limits));
  }

  /** A whole call at once. */
  tell(toolCallId: string, toolCallName: string, args: () => string): AguiEvent[] {
    if (this.#known.has(toolCallId)) return [];
    this.#known.add(toolCallId);
    return [
      { type: EventType.TOOL_CALL_START, toolCallId, toolCallName },
      { type: EventType.TOOL_CALL_ARGS, toolCallId, delta: args() },
      { type: EventType.TOOL_CALL_END, toolCallId },
    ];
  }

  end(event: GraphEvent, limits?: JsonLimits): AguiEvent[] {
    const output = isRecord(event.data) ? event.data.output : undefined;
    const message = resultMessage(event);
    const stated = message?.tool_call_id;
    const toolCallId = typeof stated === "string" && stated !== "" ? stated : this.callOf(event);
    const result = message ? toolResult(message, limits) : { content: plainText(output, limits) };
    return [this.#result(toolCallId, result, message?.id)];
  }

  /** A result that was refused, which no node may tell either. `false`: nobody knows which call it answers. */
  refuse(event: GraphEvent): boolean {
    const toolCallId = event.toolCallId ?? this.#claimed.get(event.run_id);
    this.#answer(toolCallId ?? event.run_id);
    return toolCallId !== undefined;
  }

  /** The result that a node gave itself, in a message: a person said no, say. Told once, if no tool's run told it. */
  answer(message: MessageLike, limits?: JsonLimits): AguiEvent[] {
    const { tool_call_id: toolCallId } = message;
    if (typeof toolCallId !== "string" || !this.#known.has(toolCallId) || this.#answered.has(toolCallId)) return [];
    return [this.#result(toolCallId, toolResult(message, limits), message.id)];
  }

  /** A failed call's result is the error's message, never its stack. */
  fail(event: GraphEvent): AguiEvent[] {
    const error = isRecord(event.data) ? event.data.error : undefined;
    const content = redact(typeof error === "string" ? error : "The tool failed.");
    return [this.#result(this.callOf(event), { content, error: content }, undefined)];
  }

  /** The first call that waits for a tool of this name and, as far as they are known, with these arguments. */
  #matching({ name, data }: GraphEvent): string | undefined {
    const given: unknown = toJsonValue(inputOf(data));
    const found = [...this.#waiting].find(
      ([, call]) => call.name === name && (call.args === undefined || isDeepStrictEqual(parsed(call.args), given)),
    );
    return found?.[0];
  }

  #answer(toolCallId: string): void {
    this.#answered.add(toolCallId);
    this.#waiting.delete(toolCallId);
  }

  #result(toolCallId: string, { content, error }: ToolResult, id: unknown): AguiEvent {
    this.#answer(toolCallId);
    const given = typeof id === "string" && id !== "" && !this.#messageIds.has(id) ? id : undefined;
    let messageId = given ?? `result-${toolCallId}`;
    for (let n = 2; this.#messageIds.has(messageId); n += 1) messageId = `result-${toolCallId}-${n}`;
    this.#messageIds.add(messageId);
    const failed = error === undefined ? {} : { metadata: { error } };
    return { type: EventType.TOOL_CALL_RESULT, messageId, toolCallId, content, role: "tool", ...failed };
  }
}

/** v2 gives the parsed arguments; older tools give them as `{input: "json"}`. */
function inputOf(data: unknown): unknown {
  const input = isRecord(data) ? data.input : undefined;
  if (!isRecord(input) || Object.keys(input).length !== 1 || typeof input.input !== "string") return input ?? {};
  return parsed(input.input) ?? input; // Not JSON, so the tool really takes one text named `input`.
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The ToolMessage in a tool's output: itself, or the one with which a `Command` answers this call. A handoff may put the
 * whole history into its command, with the results of earlier calls; where no call is known, its own comes last.
 */
export function resultMessage({ data, toolCallId }: GraphEvent): MessageLike | undefined {
  const output = isRecord(data) ? data.output : undefined;
  if (!isRecord(output)) return undefined;
  if (messageType(output) === "tool") return asMessage(output);
  const results = isRecord(output.update) ? messagesIn(output.update, "tool") : [];
  return results.findLast((message) => toolCallId === undefined || message.tool_call_id === toolCallId);
}

/** A command without a message only leads on: what it writes into the state is no result. */
function plainText(output: unknown, limits?: JsonLimits): string {
  if (isRecord(output) && output.lg_name === "Command") return "";
  return typeof output === "string" ? bounded(output) : toJson(output ?? null, limits);
}
