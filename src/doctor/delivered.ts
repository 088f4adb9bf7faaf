/** Records the events that a client is sent of a run. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { isRecord } from "../protocol/input.ts";
import type { Delivered, DeliveredMessage, Piece } from "./evidence.ts";

export interface Circumstances extends Omit<Piece, "characters"> {
  readonly source?: DeliveredMessage["source"];
}

export class DeliveryRecorder {
  readonly delivered: Delivered = { counts: {}, messages: [], tokens: [], reasoning: 0, snapshots: 0 };
  /** The text of all messages, in the order it was sent. */
  text = "";
  readonly #texts = new Map<DeliveredMessage, string>();
  readonly #open = new Map<string, DeliveredMessage>();

  push(event: AguiEvent, when: Circumstances): void {
    const { delivered } = this;
    const kind = event.type === EventType.CUSTOM ? `CUSTOM ${event.name}` : event.type;
    delivered.counts[kind] = (delivered.counts[kind] ?? 0) + 1;
    switch (event.type) {
      case EventType.TEXT_MESSAGE_START:
        this.#start(event.messageId, event.timestamp, when);
        break;
      case EventType.TEXT_MESSAGE_CONTENT:
      case EventType.TEXT_MESSAGE_CHUNK:
        this.#text(event.messageId ?? "", event.delta ?? "", when);
        break;
      case EventType.TEXT_MESSAGE_END: {
        const message = this.#open.get(event.messageId);
        if (message) message.endedAt = when.at;
        if (message && event.timestamp !== undefined) message.madeTo = event.timestamp;
        break;
      }
      case EventType.REASONING_MESSAGE_CONTENT:
      case EventType.REASONING_MESSAGE_CHUNK:
        delivered.reasoning += event.delta?.length ?? 0;
        this.#token(`reasoning ${event.messageId}`, event.delta ?? "", when);
        break;
      case EventType.TOOL_CALL_ARGS:
      case EventType.TOOL_CALL_CHUNK:
        this.#token(`tool call ${event.toolCallId}`, event.delta ?? "", when);
        break;
      case EventType.MESSAGES_SNAPSHOT:
      case EventType.STATE_SNAPSHOT:
        if (holdsAnswer(event)) delivered.snapshots += 1;
        break;
      case EventType.RUN_ERROR:
        delivered.error = { code: event.code ?? "", message: event.message };
        delivered.endedAt = when.at;
        break;
      case EventType.RUN_FINISHED:
        delivered.interrupted = event.outcome?.type === "interrupt";
        delivered.endedAt = when.at;
        break;
    }
  }

  textOf(message: DeliveredMessage): string {
    return this.#texts.get(message) ?? "";
  }

  #start(id: string, made: number | undefined, { at, source }: Circumstances): DeliveredMessage {
    const message: DeliveredMessage = { id, pieces: [], startedAt: at, source };
    if (made !== undefined) message.madeFrom = made;
    this.#open.set(id, message);
    this.delivered.messages.push(message);
    return message;
  }

  #text(id: string, delta: string, when: Circumstances): void {
    if (delta === "") return;
    const message = this.#open.get(id) ?? this.#start(id, undefined, when);
    const { at, trigger, turn } = when;
    message.pieces.push({ at, characters: delta.length, trigger, turn });
    this.text += delta;
    this.#texts.set(message, (this.#texts.get(message) ?? "") + delta);
    this.#token(`text ${id}`, delta, when);
  }

  #token(span: string, delta: string, { at }: Circumstances): void {
    if (delta !== "") this.delivered.tokens.push({ at, characters: delta.length, span });
  }
}

/** Does a snapshot hold an assistant's text? */
function holdsAnswer(event: AguiEvent): boolean {
  const snapshot: unknown = event.type === EventType.STATE_SNAPSHOT ? event.snapshot : event;
  const messages = isRecord(snapshot) && Array.isArray(snapshot.messages) ? (snapshot.messages as unknown[]) : [];
  return messages.some(
    (message) =>
      isRecord(message) &&
      ["assistant", "ai"].includes(String(message.role ?? message.type)) &&
      Boolean(message.content),
  );
}

/** The number of times that each of these tags is opened and closed in a text. */
export function countTags(text: string, tags: readonly string[]): { opened: number; closed: number } {
  const count = (bracket: string) => tags.reduce((sum, tag) => sum + text.split(`${bracket}${tag}>`).length - 1, 0);
  return { opened: count("<"), closed: count("</") };
}
