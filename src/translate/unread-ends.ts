/**
 * Model calls whose end was not read, because it is not admitted. Parts that their chunks lacked may still be in the
 * message that their node returns.
 */
import type { AguiEvent } from "../protocol/events.ts";
import { type GraphEvent, isInside, namespace } from "../protocol/graph-event.ts";
import { type MessageLike, textOf } from "./content.ts";
import type { MessageSpans } from "./message-spans.ts";

interface Ended {
  readonly event: GraphEvent;
  /** The part of the message that was sent; `undefined` if nothing was sent. */
  readonly spans: MessageSpans | undefined;
}

export class UnreadEnds {
  #ended: Ended[] = [];

  add(event: GraphEvent, spans: MessageSpans | undefined): void {
    this.#ended.push({ event, spans });
  }

  /** Takes the calls made inside this node. */
  take(node: GraphEvent): NodeEnds {
    const place = namespace(node);
    const inside = this.#ended.filter(({ event }) => isInside(namespace(event), place));
    if (inside.length > 0) this.#ended = this.#ended.filter((ended) => !inside.includes(ended));
    return new NodeEnds(inside);
  }
}

/** The calls made inside one node. */
export class NodeEnds {
  readonly #ended: readonly Ended[];

  constructor(ended: readonly Ended[]) {
    this.#ended = ended;
  }

  /** The last call of which nothing was sent. */
  get last(): Pick<GraphEvent, "finishReason" | "usage"> {
    return this.#ended.findLast(({ spans }) => spans === undefined)?.event ?? {};
  }

  /** Events for parts of these messages that the chunks of their calls lacked. */
  complete(messages: readonly MessageLike[]): AguiEvent[] {
    return this.#ended.flatMap(({ spans }) => {
      const whole = spans && messages.find((message) => isOf(message, spans));
      return whole ? [...spans.complete(whole), ...spans.close()] : [];
    });
  }
}

/** Nodes put a model's text into messages of their own. */
function isOf(message: MessageLike, { messageId, raw }: MessageSpans): boolean {
  return message.id === messageId || (raw !== "" && textOf(message) === raw);
}
