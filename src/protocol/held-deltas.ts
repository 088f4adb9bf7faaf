/** Token streaming off: the same events, but what was said in pieces is said at once. */
import { type AguiEvent, isDelta, mergeDeltas, spanPosition } from "./events.ts";

/** Keeps a span's deltas, and lets them leave as one before the span's next other event. */
export class HeldDeltas {
  readonly #waiting = new Map<string, AguiEvent>();

  pass(events: readonly AguiEvent[]): AguiEvent[] {
    return events.flatMap((event) => {
      const { span, edge } = spanPosition(event);
      if (span === undefined) return [event];
      // Opened again after a gap: it comes with all that was said.
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
