/** The messages that models are producing, by LangGraph's run id. */
import type { AguiEvent } from "../protocol/events.ts";
import { HeldDeltas } from "../protocol/held-deltas.ts";
import type { SentCall } from "./call-spans.ts";
import type { MessageSpans } from "./message-spans.ts";

export class OpenMessages {
  readonly #open = new Map<string, MessageSpans>();
  /** Model runs whose message leaves in one piece. */
  readonly #whole = new Set<string>();
  readonly #held = new HeldDeltas();
  /**
   * Runs that failed, or whose answers nobody waits for. Without this list, their late chunks would open the messages
   * again.
   */
  readonly #abandoned = new Set<string>();

  get size(): number {
    return this.#open.size;
  }

  get(runId: string): MessageSpans | undefined {
    return this.#open.get(runId);
  }

  open(runId: string, spans: MessageSpans, whole: boolean): MessageSpans {
    this.#open.set(runId, spans);
    if (whole) this.#whole.add(runId);
    return spans;
  }

  /** A message's events as they are sent: piece by piece, or nothing until the message is whole. */
  pass(runId: string, events: AguiEvent[]): AguiEvent[] {
    return this.#whole.has(runId) ? this.#held.pass(events) : events;
  }

  close(runId: string): AguiEvent[] {
    const spans = this.#open.get(runId);
    this.#open.delete(runId);
    this.#whole.delete(runId);
    return this.#held.pass(spans?.close() ?? []);
  }

  /** Closes a run's message for good. */
  abandon(runId: string): AguiEvent[] {
    this.#abandoned.add(runId);
    return this.close(runId);
  }

  /** Closes for good those that are `wanted`. Returns their closers, and the calls that they made. */
  abandonAll(wanted: (spans: MessageSpans) => boolean): { closers: AguiEvent[]; calls: SentCall[] } {
    const found = [...this.#open].filter(([, spans]) => wanted(spans));
    const closers = found.flatMap(([runId]) => this.abandon(runId));
    return { closers, calls: found.flatMap(([, spans]) => spans.calls) };
  }

  isAbandoned(runId: string): boolean {
    return this.#abandoned.has(runId);
  }
}
