/** Tool executions: the calls no model streamed, and every call's result. */
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { toJson } from "../protocol/json.ts";
import { redact } from "../protocol/redact.ts";
import { asMessage, type MessageLike, messageType, textOf } from "./content.ts";

export class ToolCalls {
  /** Calls the client knows: of this run, and of the thread's earlier ones. */
  readonly #known: Set<string>;
  /** Calls whose result was told, or may not be. */
  readonly #answered = new Set<string>();

  /** `history`: what the thread's clients were told before. */
  constructor(history: readonly Message[]) {
    this.#known = new Set(
      history.flatMap((message) =>
        message.role === "assistant" ? (message.toolCalls ?? []).map((call) => call.id) : [],
      ),
    );
    this.note(history);
  }

  /** Messages that clients have: the results among them are no news. */
  note(messages: readonly Message[]): void {
    for (const message of messages) if (message.role === "tool") this.#answered.add(message.toolCallId);
  }

  announce(toolCallId: string): void {
    this.#known.add(toolCallId);
  }

  isKnown(toolCallId: string): boolean {
    return this.#known.has(toolCallId);
  }

  /** A call that a model streamed is not announced a second time. */
  start(event: GraphEvent): AguiEvent[] {
    return this.tell(event.toolCallId ?? event.run_id, event.name, () => toJson(inputOf(event.data)));
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

  end(event: GraphEvent): AguiEvent[] {
    const output = isRecord(event.data) ? event.data.output : undefined;
    const message = toolMessage(output);
    const stated = message?.tool_call_id;
    const toolCallId = typeof stated === "string" && stated !== "" ? stated : (event.toolCallId ?? event.run_id);
    this.#answered.add(toolCallId);
    return [result(toolCallId, message ? messageText(message) : plainText(output), message?.id)];
  }

  /** A result that was refused, which no node may tell either. */
  refuse(event: GraphEvent): void {
    this.#answered.add(event.toolCallId ?? event.run_id);
  }

  /** The result that a node gave itself, in a message: a person said no, say. Told once, if no tool's run told it. */
  answer(message: MessageLike): AguiEvent[] {
    const { tool_call_id: toolCallId } = message;
    if (typeof toolCallId !== "string" || !this.#known.has(toolCallId) || this.#answered.has(toolCallId)) return [];
    this.#answered.add(toolCallId);
    return [result(toolCallId, messageText(message), message.id)];
  }

  /** A failed call's result is the error's message, never its stack. */
  fail(event: GraphEvent): AguiEvent[] {
    const error = isRecord(event.data) ? event.data.error : undefined;
    const content = redact(typeof error === "string" ? error : "The tool failed.");
    const toolCallId = event.toolCallId ?? event.run_id;
    this.#answered.add(toolCallId);
    return [{ ...result(toolCallId, content, undefined), metadata: { error: content } }];
  }
}

function result(toolCallId: string, content: string, id: unknown) {
  return {
    type: EventType.TOOL_CALL_RESULT as const,
    messageId: typeof id === "string" && id !== "" ? id : `result-${toolCallId}`,
    toolCallId,
    content,
    role: "tool" as const,
  };
}

/** v2 gives the parsed arguments; older tools give them as `{input: "json"}`. */
function inputOf(data: unknown): unknown {
  const input = isRecord(data) ? data.input : undefined;
  if (isRecord(input) && Object.keys(input).length === 1 && typeof input.input === "string") {
    try {
      return JSON.parse(input.input) as unknown;
    } catch {
      return input; // Not JSON, so the tool really takes one text named `input`.
    }
  }
  return input ?? {};
}

/** The ToolMessage in a tool's output: itself, or the one a `Command` adds to the state. */
function toolMessage(output: unknown): MessageLike | undefined {
  if (!isRecord(output)) return undefined;
  if (messageType(output) === "tool") return asMessage(output);
  const update = isRecord(output.update) ? output.update : undefined;
  const added: unknown[] = Array.isArray(update?.messages) ? update.messages : [];
  return asMessage(added.find((message) => isRecord(message) && messageType(message) === "tool"));
}

function messageText(message: MessageLike): string {
  const { content } = message;
  if (typeof content === "string") return content;
  return textOf(message) || toJson(content);
}

function plainText(output: unknown): string {
  return typeof output === "string" ? output : toJson(output ?? null);
}
