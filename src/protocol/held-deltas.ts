/** Turns token streaming off: the events are the same, but all pieces of a text are sent at once. */
import { type AguiEvent, isDelta, mergeDeltas, spanPosition } from "./events.ts";

/** Holds a span's deltas, and returns them as one delta before the span's next other event. */
export class HeldDeltas {
  readonly #waiting = new Map<string, AguiEvent>();

  pass(events: readonly AguiEvent[]): AguiEvent[] {
    return events.flatMap((event) => {
      const { span, edge } = spanPosition(event);
      if (span === undefined) return [event];
      // The span is opened again after a gap, and its whole text follows.
      if (edge === "open") this.#waiting.delete(span);
      const held = this.#waiting.get(span);
      if (isDelta(event)) {
        this.#waiting.set(span, (held && mergeDeltas(held, event)) ?? event);
        return [];
      }
      this.#waiting.delete(span);
      return held ? [held, event] : [event];
    });
  }

  /** The deltas still held. Empty after every span was closed. */
  flush(): AguiEvent[] {
    const rest = [...this.#waiting.values()];
    this.#waiting.clear();
    return rest;
  }
}
