/** One model call's message: the reasoning, text and tool-call spans it opens, and their closers. */
import { type AguiEvent, type AssistantMessage, EventType, type ToolCall } from "../protocol/events.ts";
import { type CallEntries, CallSpans, type SentCall } from "./call-spans.ts";
import { type MessageLike, type Part, partsOf, type TextPart, type ToolCallPiece, toolCallPieces } from "./content.ts";
import { ReasoningSpans } from "./reasoning-spans.ts";
import { ReasoningTags } from "./reasoning-tags.ts";
import { WholeCharacters } from "./whole-characters.ts";

/** The parts that a message may hold. */
type Kind = Part["kind"] | "call";

export interface MessageSpansOptions {
  /** The name of the agent that speaks, where the message has one. */
  readonly name?: string | undefined;
  /** `false`: reasoning is not sent. */
  readonly reasoning: boolean;
  /** Names of the tags that enclose reasoning in text. */
  readonly reasoningTags: readonly string[];
  readonly calls: CallEntries;
}

/**
 * Turns the chunks of one message into events. Chunks may carry text, reasoning and pieces of several tool calls in any
 * order. Text and tool calls stay open until `close`; reasoning closes as soon as something else comes, so that a
 * client knows how long it took.
 */
export class MessageSpans {
  readonly messageId: string;
  readonly #named: { readonly name?: string };
  readonly #characters = new WholeCharacters();
  readonly #tags: ReasoningTags;
  readonly #reasoning: ReasoningSpans | undefined;
  readonly #calls: CallSpans;
  /** The model's output of each kind: text, reasoning, calls. */
  readonly #given = new Set<Kind>();
  #raw = "";
  #said = "";
  #textOpen = false;

  constructor(messageId: string, { name, reasoning, reasoningTags, calls }: MessageSpansOptions) {
    this.messageId = messageId;
    this.#named = name === undefined ? {} : { name };
    this.#tags = new ReasoningTags(reasoningTags);
    this.#reasoning = reasoning ? new ReasoningSpans(messageId) : undefined;
    this.#calls = new CallSpans(messageId, calls);
  }

  /** All text so far as the model gave it, tags included. */
  get raw(): string {
    return this.#raw;
  }

  /** The message as it was sent. */
  get held(): AssistantMessage {
    const { messageId: id } = this;
    const toolCalls = this.#calls.sent.map(
      ({ id, name, args }): ToolCall => ({ id, type: "function", function: { name, arguments: args } }),
    );
    return { id, role: "assistant", ...this.#named, content: this.#said, toolCalls };
  }

  /** Its calls, in the order they began. */
  get calls(): readonly SentCall[] {
    return this.#calls.sent;
  }

  /** Ids of its reasoning. */
  get thoughts(): readonly string[] {
    return this.#reasoning?.ids ?? [];
  }

  /** Events for a chunk. */
  push(chunk: MessageLike): AguiEvent[] {
    return this.#push(partsOf(chunk), toolCallPieces(chunk));
  }

  /** Events for parts of the whole message whose kind came in no chunk: some models stream their text alone. */
  complete(message: MessageLike): AguiEvent[] {
    const given = new Set(this.#given);
    return this.#push(
      partsOf(message).filter(({ kind }) => !given.has(kind)),
      given.has("call") ? [] : toolCallPieces(message),
    );
  }

  #push(parts: readonly Part[], pieces: readonly ToolCallPiece[]): AguiEvent[] {
    const out: AguiEvent[] = [];
    for (const part of parts) {
      this.#given.add(part.kind);
      if (part.kind === "encrypted") out.push(...(this.#reasoning?.seal(part.value) ?? []));
      else if (part.kind === "reasoning") out.push(...(this.#reasoning?.think(part.text) ?? []));
      else {
        this.#raw += part.text;
        this.#write(this.#tags.push(this.#characters.push(part.text)), out);
      }
    }
    if (pieces.length > 0) {
      this.#given.add("call");
      this.#stopThinking(out);
    }
    for (const piece of pieces) out.push(...this.#calls.push(piece));
    return out;
  }

  /** Closes whatever is open, innermost first. */
  close(): AguiEvent[] {
    const out: AguiEvent[] = [];
    this.#write([...this.#tags.push(this.#characters.end()), ...this.#tags.end()], out);
    this.#stopThinking(out);
    out.push(...this.#calls.close());
    if (this.#textOpen) out.push({ type: EventType.TEXT_MESSAGE_END, messageId: this.messageId });
    this.#textOpen = false;
    return out;
  }

  #write(parts: readonly TextPart[], out: AguiEvent[]): void {
    for (const { kind, text } of parts) {
      if (text === "") continue;
      if (kind === "text") this.#say(text, out);
      else out.push(...(this.#reasoning?.think(text) ?? []));
    }
  }

  #say(delta: string, out: AguiEvent[]): void {
    this.#stopThinking(out);
    const { messageId } = this;
    if (!this.#textOpen) out.push({ type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant", ...this.#named });
    this.#textOpen = true;
    this.#said += delta;
    out.push({ type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta });
  }

  #stopThinking(out: AguiEvent[]): void {
    if (this.#reasoning) out.push(...this.#reasoning.close());
  }
}
