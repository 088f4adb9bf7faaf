/** Model calls and nodes that fail: `streamEvents` has no event for them, so their ends are made here. */
import { type GraphEvent, type GraphEventName, isNode } from "../protocol/graph-event.ts";

export class Failures {
  /** The starts of the runs that are open, by run id. */
  readonly #open = new Map<string, GraphEvent>();
  /** Runs that failed before their start was read. */
  #early: readonly string[] = [];
  readonly #failed: () => readonly string[];
  readonly #each: (event: GraphEvent) => void;

  /** `failed` returns and removes the ids of the runs that have failed since its last call. */
  constructor(failed: () => readonly string[], each: (event: GraphEvent) => void) {
    this.#failed = failed;
    this.#each = each;
  }

  /** To be called with every event, before it is passed on. */
  saw(event: GraphEvent): void {
    switch (event.event) {
      case "on_chain_start":
        if (!isNode(event)) break;
        // A node that is tried again begins at once, and so does a model that replaces one: the run before is over.
        this.#begin(event);
        break;
      case "on_chat_model_start":
      case "on_llm_start":
        this.#begin(event);
        break;
      case "on_chat_model_end":
      case "on_llm_end":
        this.#open.delete(event.run_id);
        break;
      case "on_chain_end":
      case "on_tool_end":
      case "on_tool_error":
        this.#open.delete(event.run_id);
        // The caller that ends may have continued without the runs that failed in it, and the graph may end with it.
        this.report();
        break;
      default: // Events that no model and no node made.
    }
  }

  /** Passes on the ends of the runs that have failed. */
  report(): void {
    const failed = [...this.#early, ...this.#failed()];
    this.#early = failed.filter((runId) => !this.#open.has(runId));
    for (const runId of failed) {
      const start = this.#open.get(runId);
      if (!start) continue;
      this.#open.delete(runId);
      const event = start.event.replace("_start", "_end") as GraphEventName;
      this.#each({ ...start, event, data: {}, failed: true });
    }
  }

  #begin(event: GraphEvent): void {
    this.report();
    this.#open.set(event.run_id, event);
  }
}
