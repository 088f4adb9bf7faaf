/** The messages that were sent into a run and wait for it, by the reports about them. */
import type { AguiEvent, EventType } from "../protocol/events.ts";
import { INJECTED, type InjectedReport, reportOf } from "../protocol/injected.ts";

export class WaitingMessages {
  /** Their texts, by id. */
  readonly #texts = new Map<string, string>();

  note({ name, value }: AguiEvent & { type: EventType.CUSTOM }): void {
    if (name !== INJECTED) return;
    const { messageId, state, content = "" } = value as InjectedReport;
    if (state === "waiting") this.#texts.set(messageId, content);
    else this.#texts.delete(messageId);
  }

  /** The reports, for a late reader. */
  get reports(): AguiEvent[] {
    return [...this.#texts].map(([messageId, content]) => reportOf({ messageId, state: "waiting", content }));
  }
}
