/** One model call's message: the reasoning, text and tool-call spans it opens, and their closers. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type MessageLike, partsOf, type ToolCallPiece, toolCallPieces } from "./content.ts";

interface OpenCall {
  /** Known for certain once `started`. */
  id: string | undefined;
  name: string;
  /** Arguments that came before id and name were known. */
  waiting: string;
  started: boolean;
}

/**
 * Turns the chunks of one message into events. Chunks may carry text, reasoning and pieces of several tool calls in
 * any order. Text and tool calls stay open until `close`; reasoning closes as soon as something else is said, so that
 * a client can tell how long it took.
 */
export class MessageSpans {
  readonly messageId: string;
  readonly #reasoning: boolean;
  readonly #announce: (toolCallId: string) => void;
  readonly #calls = new Map<number, OpenCall>();
  #said = "";
  #textOpen = false;
  #reasoningOpen: string | undefined;
  #reasoningCount = 0;

  /** `announce` hears of every tool call that was started, so that its execution does not start it again. */
  constructor(messageId: string, options: { reasoning: boolean; announce: (toolCallId: string) => void }) {
    this.messageId = messageId;
    this.#reasoning = options.reasoning;
    this.#announce = options.announce;
  }

  /** All text so far. */
  get said(): string {
    return this.#said;
  }

  /** Events for a chunk, or for a whole message. */
  push(message: MessageLike): AguiEvent[] {
    const out: AguiEvent[] = [];
    for (const part of partsOf(message)) {
      if (part.kind === "text") this.#text(part.text, out);
      else if (this.#reasoning) this.#think(part.text, out);
    }
    for (const piece of toolCallPieces(message)) this.#toolCall(piece, out);
    return out;
  }

  /** Closes whatever is open, innermost first. */
  close(): AguiEvent[] {
    const out: AguiEvent[] = [];
    this.#endReasoning(out);
    for (const [index, call] of this.#calls) {
      if (!call.started && call.name !== "") this.#startCall(call, `${this.messageId}-call-${index}`, out);
      if (call.started && call.id) out.push({ type: EventType.TOOL_CALL_END, toolCallId: call.id });
    }
    this.#calls.clear();
    if (this.#textOpen) out.push({ type: EventType.TEXT_MESSAGE_END, messageId: this.messageId });
    this.#textOpen = false;
    return out;
  }

  #text(delta: string, out: AguiEvent[]): void {
    this.#endReasoning(out);
    const { messageId } = this;
    if (!this.#textOpen) out.push({ type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" });
    this.#textOpen = true;
    this.#said += delta;
    out.push({ type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta });
  }

  #think(delta: string, out: AguiEvent[]): void {
    if (!this.#reasoningOpen) {
      this.#reasoningCount += 1;
      const suffix = this.#reasoningCount > 1 ? `-${this.#reasoningCount}` : "";
      this.#reasoningOpen = `${this.messageId}-reasoning${suffix}`;
      out.push(
        { type: EventType.REASONING_START, messageId: this.#reasoningOpen },
        { type: EventType.REASONING_MESSAGE_START, messageId: this.#reasoningOpen, role: "reasoning" },
      );
    }
    out.push({ type: EventType.REASONING_MESSAGE_CONTENT, messageId: this.#reasoningOpen, delta });
  }

  #endReasoning(out: AguiEvent[]): void {
    const messageId = this.#reasoningOpen;
    if (!messageId) return;
    this.#reasoningOpen = undefined;
    out.push({ type: EventType.REASONING_MESSAGE_END, messageId }, { type: EventType.REASONING_END, messageId });
  }

  #toolCall(piece: ToolCallPiece, out: AguiEvent[]): void {
    this.#endReasoning(out);
    let call = this.#calls.get(piece.index);
    if (call?.started && piece.id && piece.id !== call.id) {
      // Some providers number every call 0: another id at the same index is another call.
      out.push({ type: EventType.TOOL_CALL_END, toolCallId: call.id ?? "" });
      call = undefined;
    }
    if (!call) {
      call = { id: undefined, name: "", waiting: "", started: false };
      this.#calls.set(piece.index, call);
    }
    call.id ??= piece.id;
    if (call.started) {
      if (piece.args !== "") out.push(args(call.id, piece.args));
      return;
    }
    // A name may be split over chunks; some providers instead repeat the whole name in each.
    if (piece.name && piece.name !== call.name) call.name += piece.name;
    call.waiting += piece.args;
    // Only the first argument says that the name is complete.
    if (call.id && call.name !== "" && call.waiting !== "") this.#startCall(call, call.id, out);
  }

  #startCall(call: OpenCall, id: string, out: AguiEvent[]): void {
    call.id = id;
    call.started = true;
    this.#announce(id);
    const { messageId: parentMessageId } = this;
    out.push({ type: EventType.TOOL_CALL_START, toolCallId: id, toolCallName: call.name, parentMessageId });
    if (call.waiting !== "") out.push(args(id, call.waiting));
    call.waiting = "";
  }
}

function args(toolCallId: string | undefined, delta: string): AguiEvent {
  return { type: EventType.TOOL_CALL_ARGS, toolCallId: toolCallId ?? "", delta };
}
