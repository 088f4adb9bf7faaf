/** Model calls that fail: `streamEvents` has no event for them, so their ends are made here. */
import type { GraphEvent } from "../protocol/graph-event.ts";

export class ModelFailures {
  /** The starts of the calls that are open, by run id. */
  readonly #open = new Map<string, GraphEvent>();
  /** Calls that failed before their start was read. */
  #early: readonly string[] = [];
  readonly #failed: () => readonly string[];
  readonly #each: (event: GraphEvent) => void;

  /** `failed` returns and removes the ids of the calls that have failed since its last call. */
  constructor(failed: () => readonly string[], each: (event: GraphEvent) => void) {
    this.#failed = failed;
    this.#each = each;
  }

  /** To be called with every event, before it is passed on. */
  saw(event: GraphEvent): void {
    switch (event.event) {
      case "on_chat_model_start":
      case "on_llm_start":
        // A fallback model begins at once, so the call that it replaces is over.
        this.report();
        this.#open.set(event.run_id, event);
        break;
      case "on_chat_model_end":
      case "on_llm_end":
        this.#open.delete(event.run_id);
        break;
      case "on_chain_end":
        // The node may have continued without the answer, and the graph may end with it.
        this.report();
        break;
      default: // Events that no model made.
    }
  }

  /** Passes on the ends of the calls that have failed. */
  report(): void {
    const failed = [...this.#early, ...this.#failed()];
    this.#early = failed.filter((runId) => !this.#open.has(runId));
    for (const runId of failed) {
      const start = this.#open.get(runId);
      if (!start) continue;
      this.#open.delete(runId);
      const event = start.event === "on_llm_start" ? "on_llm_end" : "on_chat_model_end";
      this.#each({ ...start, event, data: {}, failed: true });
    }
  }
}
