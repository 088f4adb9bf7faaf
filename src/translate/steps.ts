/** Steps: one for each of the graph's nodes that runs, named by the path of nodes that leads to it. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type GraphEvent, isInside, namespace, nodePath } from "../protocol/graph-event.ts";

interface Step {
  readonly stepName: string;
  /** The namespace of the node's execution. */
  readonly place: string;
}

export class Steps {
  /** By LangGraph run id, in the order they were opened. */
  readonly #open = new Map<string, Step>();

  get size(): number {
    return this.#open.size;
  }

  start(event: GraphEvent): AguiEvent[] {
    const place = namespace(event);
    // The same execution begins again, so an attempt failed. No other event reports its end.
    const failed = place === "" ? [] : this.#close((step) => isInside(step.place, place));
    const path = nodePath(event).join("/") || event.name;
    const taken = new Set([...this.#open.values()].map((step) => step.stepName));
    // Branches of one node may run side by side; a step name may be open only once.
    let stepName = path;
    for (let n = 2; taken.has(stepName); n += 1) stepName = `${path}#${n}`;
    this.#open.set(event.run_id, { stepName, place });
    return [...failed, { type: EventType.STEP_STARTED, stepName }];
  }

  finish(runId: string): AguiEvent[] {
    const step = this.#open.get(runId);
    if (step === undefined) return [];
    this.#open.delete(runId);
    return [{ type: EventType.STEP_FINISHED, stepName: step.stepName }];
  }

  /** Closes what is open, innermost first. */
  close(): AguiEvent[] {
    return this.#close(() => true);
  }

  #close(wanted: (step: Step) => boolean): AguiEvent[] {
    const found = [...this.#open].filter(([, step]) => wanted(step)).reverse();
    return found.flatMap(([runId]) => this.finish(runId));
  }
}
