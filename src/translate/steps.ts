/** Steps: one for each of the graph's nodes that runs, named by the path of nodes that leads to it. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type GraphEvent, nodePath } from "../protocol/graph-event.ts";
import { placeOf } from "./executions.ts";

export class Steps {
  /** The names of the open steps, by the place of the node's execution, in the order they were opened. */
  readonly #open = new Map<string, string>();

  start(event: GraphEvent): AguiEvent[] {
    const path = nodePath(event).join("/") || event.name;
    const taken = new Set(this.#open.values());
    // Branches of one node may run side by side; a step name may be open only once.
    let stepName = path;
    for (let n = 2; taken.has(stepName); n += 1) stepName = `${path}#${n}`;
    this.#open.set(placeOf(event), stepName);
    return [{ type: EventType.STEP_STARTED, stepName }];
  }

  /** Closes the step of a node's execution, if one is open. */
  finish(place: string): AguiEvent[] {
    const stepName = this.#open.get(place);
    if (stepName === undefined) return [];
    this.#open.delete(place);
    return [{ type: EventType.STEP_FINISHED, stepName }];
  }

  /** Closes what is open, innermost first. */
  close(): AguiEvent[] {
    return [...this.#open.keys()].reverse().flatMap((place) => this.finish(place));
  }
}
