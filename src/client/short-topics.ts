/** The topics of one socket by the numbers that stand for them in short frames. */
import type { ServerFrame } from "../protocol/frames.ts";
import type { ShortFrame } from "../protocol/short-frames.ts";
import type { EventFrame } from "./subscription.ts";

interface Numbered {
  readonly topic: string;
  /** The epoch of its last event with a position. */
  epoch?: string | undefined;
}

export class ShortTopics {
  readonly #topics = new Map<number, Numbered>();

  /** The full form of a frame; `undefined` for an event whose topic is no longer followed. */
  whole(frame: object): ServerFrame | EventFrame | undefined {
    if (Array.isArray(frame)) return this.#event(frame as unknown as ShortFrame);
    const known = frame as ServerFrame | EventFrame;
    if (known.type === "ack" && known.short && known.topic) this.#name(known.short, known.topic);
    return known;
  }

  /** A new number replaces the topic's earlier one. */
  #name(number: number, topic: string): void {
    this.#topics.forEach((known, key) => {
      if (known.topic === topic) this.#topics.delete(key);
    });
    this.#topics.set(number, { topic });
  }

  #event([number, position, data, n]: ShortFrame): EventFrame | undefined {
    const known = this.#topics.get(number);
    if (!known) return undefined;
    const cursor = typeof position === "number" ? position && `${known.epoch}:${position}` : position;
    if (cursor) known.epoch = cursor.split(":")[0];
    return { type: "event", topic: known.topic, cursor: cursor || undefined, n, data };
  }
}
