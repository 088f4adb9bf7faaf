/** Reports tool executions: calls that no model streamed, and the result of every call. */
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { type GraphEvent, namespace } from "../protocol/graph-event.ts";
import type { CallIds } from "../protocol/ids.ts";
import { isRecord } from "../protocol/input.ts";
import { type JsonLimits, toJson, toJsonValue } from "../protocol/json.ts";
import { redact } from "../protocol/redact.ts";
import { bounded } from "../protocol/text.ts";
import { type Call, parsed } from "./call.ts";
import { CallBook } from "./call-book.ts";
import { isShown } from "./call-rules.ts";
import type { CallEntries } from "./call-spans.ts";
import { asMessage, type MessageLike, messageType } from "./content.ts";
import { callsIn } from "./held-message.ts";
import { messagesIn } from "./message-likes.ts";
import { type ToolResult, toolResult } from "./tool-result.ts";

export class ToolCalls {
  readonly book: CallBook;
  /** Ids of messages that clients have. A new result gets none of them. */
  readonly #messageIds = new Set<unknown>();
  /** LangChain's own messages that were sent as results; LangGraph writes ids into them. */
  readonly #sources = new Set<MessageLike>();

  /** `history`: what the thread's clients were sent before; from `ownFrom` on it is of this turn, as `earlier` is. */
  constructor(history: readonly Message[], ownFrom: number, ids: CallIds = {}, earlier: readonly Call[] = []) {
    this.book = new CallBook(history, ownFrom, ids, earlier);
    this.#note(history);
  }

  /** Notes messages that came with the run. The results among them are not sent again. */
  note(messages: readonly Message[]): void {
    this.book.add(messages, "history");
    this.#note(messages);
  }

  #note(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#messageIds.add(message.id);
      if (message.role === "tool") this.book.answer(message.toolCallId);
    }
  }

  /** Enters the calls of a message. A call that a tool's run showed already is not shown again. */
  entriesOf(parent: string, event: GraphEvent, predict: (call: Call) => readonly AguiEvent[]): CallEntries {
    const place = namespace(event);
    return {
      begin: (call) => {
        const seen = this.book.known(call, place, true);
        if (seen) seen.parent = parent;
        const hidden = !isShown(event, call.name);
        const entered = seen ?? this.book.enter({ ...call, place, parent, args: undefined, hidden });
        const isNew = !seen && !hidden;
        return { id: entered.id, isNew, before: isNew ? predict(entered) : [] };
      },
      complete: (id, args) => this.book.complete(id, args),
    };
  }

  /** Notes that a node ended. The calls in its messages are in the state. */
  hold(event: GraphEvent): void {
    const { output } = isRecord(event.data) ? event.data : {};
    this.book.letGo(namespace(event));
    for (const message of messagesIn(output, "ai")) {
      for (const { id: given, name = "", args } of callsIn(message)) {
        this.book.hold({ given, name, args }, namespace(event));
      }
    }
  }

  /**
   * Results for calls that nobody will answer: structured output streams as a call, and the node only parses it. Some
   * clients keep a call open until its result comes.
   */
  resultsOfUnheld(frontendTools: ReadonlySet<string>): AguiEvent[] {
    return this.book.unheld(frontendTools).map(({ id, cut }) => ({
      type: EventType.TOOL_CALL_RESULT,
      messageId: `result-${id}`,
      toolCallId: id,
      content: cut ? "The call was cut off. No tool ran." : "The graph took the arguments. No tool ran.",
      role: "tool",
    }));
  }

  /** A tool begins. A call that a model made is not reported a second time. `limits`: how messages in it are written. */
  start(event: GraphEvent, limits?: JsonLimits): AguiEvent[] {
    if (this.book.ofRun(event.run_id)) return [];
    const call = this.#claim(event, event.toolCallId);
    if (call) return [];
    return whole(this.#enter(event, event.toolCallId, toJson(inputOf(event.data), limits)));
  }

  /**
   * Notes the start of a tool that may not be shown. It reserves its call, so that no other tool's run takes the call.
   */
  startRefused(event: GraphEvent): void {
    const { run_id: runId, toolCallId: given, name } = event;
    if (given !== undefined) this.book.claim({ runId, given, name, place: namespace(event), args: undefined });
  }

  /** A whole call at once, from a node. */
  emit(event: GraphEvent, given: string, name: string, args: string): AguiEvent[] {
    const place = namespace(event);
    if (this.book.known({ given, name, args }, place)) return [];
    return whole(this.book.enter({ wanted: given, given, name, place, args }));
  }

  end(event: GraphEvent, limits?: JsonLimits): AguiEvent[] {
    if (event.event === "on_tool_error") return this.#fail(event);
    const output = isRecord(event.data) ? event.data.output : undefined;
    const message = resultMessage(event);
    const call = this.#answeredBy(event, message);
    const result = message ? toolResult(message, limits) : { content: plainText(output, limits) };
    return this.#results(call, result, message);
  }

  /** Notes a refused result, which no node may report either. `false`: the call that it answers is not known. */
  refuse(event: GraphEvent): boolean {
    const given = event.toolCallId;
    if (!this.book.ofRun(event.run_id)) this.startRefused(event);
    const call = this.book.ofRun(event.run_id);
    if (call) this.book.answer(call.id);
    if (given !== undefined) this.book.refuse(given, namespace(event));
    return given !== undefined || call !== undefined;
  }

  /**
   * Reports a result that a node returned in a message itself, such as a user's refusal. It is sent once, and only if
   * no tool's run reported it.
   */
  answer(event: GraphEvent, message: MessageLike, limits?: JsonLimits): AguiEvent[] {
    const { tool_call_id: given, name } = message;
    if (typeof given !== "string" || this.#isSent(message)) return [];
    const called = typeof name === "string" ? name : undefined;
    const call = this.book.toAnswer(given, called, namespace(event));
    return call ? this.#results(call, toolResult(message, limits), message) : [];
  }

  /** A failed call's result is the error's message, never its stack. */
  #fail(event: GraphEvent): AguiEvent[] {
    const error = isRecord(event.data) ? event.data.error : undefined;
    const content = redact(typeof error === "string" ? error : "The tool failed.");
    return this.#results(this.#callOf(event, event.toolCallId), { content, error: content }, undefined);
  }

  /** The id that clients have for the call that a tool's run carries out, or for the call that a graph names. */
  idOf(given: string, runId: string | undefined): string {
    return (this.book.ofRun(runId ?? "") ?? this.book.asked(given))?.id ?? given;
  }

  /** The call that a tool's run carries out. A call that is not known yet is entered. */
  #callOf(event: GraphEvent, given: string | undefined): Call {
    return this.book.ofRun(event.run_id) ?? this.#claim(event, given) ?? this.#enter(event, given, undefined);
  }

  #claim(event: GraphEvent, given: string | undefined): Call | undefined {
    const { run_id: runId, name, data } = event;
    let args: { readonly value: unknown } | undefined;
    const lazily = () => {
      args ??= { value: toJsonValue(inputOf(data)) };
      return args.value;
    };
    return this.book.claim({ runId, given, name, place: namespace(event), args: lazily });
  }

  #enter(event: GraphEvent, given: string | undefined, args: string | undefined): Call {
    const { run_id: runId, name } = event;
    const place = namespace(event);
    const call = this.book.enter({ wanted: given ?? runId, given, name, place, args });
    return this.book.settle(runId, call, { place, admitted: true });
  }

  /** A tool that a node runs with bare arguments may still say in its result which call it answers. */
  #answeredBy(event: GraphEvent, message: MessageLike | undefined): Call {
    const stated = message?.tool_call_id;
    if (typeof stated !== "string" || stated === "") return this.#callOf(event, event.toolCallId);
    const own = this.book.ofRun(event.run_id);
    if (!own) return this.#callOf(event, stated);
    const other = own.given === stated ? undefined : this.book.toAnswer(stated, event.name, namespace(event));
    return other ?? own;
  }

  #isSent(message: MessageLike): boolean {
    const { id } = message;
    if (this.#sources.has(message)) return true;
    return id !== undefined && (this.#messageIds.has(id) || [...this.#sources].some((sent) => sent.id === id));
  }

  #results({ id: toolCallId, hidden }: Call, { content, error }: ToolResult, source?: MessageLike): AguiEvent[] {
    this.book.answer(toolCallId);
    if (source) this.#sources.add(source);
    if (hidden) return [];
    const id = source?.id;
    const given = typeof id === "string" && id !== "" && !this.#messageIds.has(id) ? id : undefined;
    let messageId = given ?? `result-${toolCallId}`;
    for (let n = 2; this.#messageIds.has(messageId); n += 1) messageId = `result-${toolCallId}-${n}`;
    this.#messageIds.add(messageId);
    const failed = error === undefined ? {} : { metadata: { error } };
    return [{ type: EventType.TOOL_CALL_RESULT, messageId, toolCallId, content, role: "tool", ...failed }];
  }
}

function whole({ id: toolCallId, name: toolCallName, args = "{}" }: Call): AguiEvent[] {
  return [
    { type: EventType.TOOL_CALL_START, toolCallId, toolCallName },
    { type: EventType.TOOL_CALL_ARGS, toolCallId, delta: args },
    { type: EventType.TOOL_CALL_END, toolCallId },
  ];
}

/** v2 gives the parsed arguments; older tools give them as `{input: "json"}`. */
function inputOf(data: unknown): unknown {
  const input = isRecord(data) ? data.input : undefined;
  if (!isRecord(input) || Object.keys(input).length !== 1 || typeof input.input !== "string") return input ?? {};
  return parsed(input.input) ?? input; // It is not JSON, so the tool takes one text named `input`.
}

/**
 * The ToolMessage in a tool's output: itself, or the one with which a `Command` answers this call. A handoff's command
 * may have the whole history, with the results of earlier calls; if the call is not known, the last result counts.
 */
export function resultMessage({ data, toolCallId }: GraphEvent): MessageLike | undefined {
  const output = isRecord(data) ? data.output : undefined;
  if (!isRecord(output)) return undefined;
  if (messageType(output) === "tool") return asMessage(output);
  const results = isRecord(output.update) ? messagesIn(output.update, "tool") : [];
  return results.findLast((message) => toolCallId === undefined || message.tool_call_id === toolCallId);
}

/** A command without a message is no answer: what it writes into the state is no result. */
function plainText(output: unknown, limits?: JsonLimits): string {
  if (isRecord(output) && output.lg_name === "Command") return "";
  return typeof output === "string" ? bounded(output, limits?.maxBytes) : toJson(output ?? null, limits);
}
