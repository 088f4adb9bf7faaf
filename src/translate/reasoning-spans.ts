/** A model's reasoning, sent beside its message. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { WholeCharacters } from "./whole-characters.ts";

/** Is this the id of a reasoning block of that message? */
export function isReasoningOf(id: string, messageId: string): boolean {
  return id.startsWith(`${messageId}-reasoning`);
}

/** The reasoning blocks of one message: `<messageId>-reasoning`, then `-reasoning-2` and so on. */
export class ReasoningSpans {
  readonly #messageId: string;
  readonly #characters = new WholeCharacters();
  #open: string | undefined;
  #count = 0;

  constructor(messageId: string) {
    this.#messageId = messageId;
  }

  /** The ids of all blocks so far. */
  get ids(): string[] {
    return Array.from({ length: this.#count }, (_, index) => this.#id(index + 1));
  }

  think(text: string): AguiEvent[] {
    const delta = this.#characters.push(text);
    if (delta === "") return [];
    const opened = this.#open === undefined ? this.#start() : [];
    return [...opened, { type: EventType.REASONING_MESSAGE_CONTENT, messageId: this.#last, delta }];
  }

  /**
   * Adds a signature to the last block, or a block that only its provider can read. Clients keep the value and send it
   * back. A block is opened even without readable text, so that the value belongs to a block.
   */
  seal(encryptedValue: string): AguiEvent[] {
    const blank = this.#count === 0 ? this.#start() : [];
    return [
      ...blank,
      { type: EventType.REASONING_ENCRYPTED_VALUE, subtype: "message", entityId: this.#last, encryptedValue },
    ];
  }

  close(): AguiEvent[] {
    const messageId = this.#open;
    if (messageId === undefined) return [];
    const rest = this.#characters.end();
    this.#open = undefined;
    return [
      ...(rest === "" ? [] : [{ type: EventType.REASONING_MESSAGE_CONTENT as const, messageId, delta: rest }]),
      { type: EventType.REASONING_MESSAGE_END, messageId },
      { type: EventType.REASONING_END, messageId },
    ];
  }

  get #last(): string {
    return this.#id(this.#count);
  }

  #id(number: number): string {
    return `${this.#messageId}-reasoning${number > 1 ? `-${number}` : ""}`;
  }

  #start(): AguiEvent[] {
    this.#count += 1;
    const messageId = this.#last;
    this.#open = messageId;
    return [
      { type: EventType.REASONING_START, messageId },
      { type: EventType.REASONING_MESSAGE_START, messageId, role: "reasoning" },
    ];
  }
}
