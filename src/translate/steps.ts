/** Steps: one for each of the graph's nodes that runs, named by the path of nodes that leads to it. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type GraphEvent, nodePath } from "../protocol/graph-event.ts";

/** Is this chain run a node of a graph, rather than something a node calls, or LangGraph's own plumbing? */
export function isNode(event: GraphEvent): boolean {
  return (
    event.name === event.metadata.langgraph_node &&
    event.tags.some((tag) => tag.startsWith("graph:step:")) &&
    !event.tags.includes("langsmith:hidden")
  );
}

export class Steps {
  /** Step names by LangGraph run id, in the order they were opened. */
  readonly #open = new Map<string, string>();

  start(event: GraphEvent): AguiEvent[] {
    const path = nodePath(event).join("/") || event.name;
    const taken = new Set(this.#open.values());
    // Branches of one node may run side by side; a step name may be open only once.
    let stepName = path;
    for (let n = 2; taken.has(stepName); n += 1) stepName = `${path}#${n}`;
    this.#open.set(event.run_id, stepName);
    return [{ type: EventType.STEP_STARTED, stepName }];
  }

  finish(runId: string): AguiEvent[] {
    const stepName = this.#open.get(runId);
    if (stepName === undefined) return [];
    this.#open.delete(runId);
    return [{ type: EventType.STEP_FINISHED, stepName }];
  }

  /** Closes what is open, innermost first. */
  close(): AguiEvent[] {
    return [...this.#open.keys()].reverse().flatMap((runId) => this.finish(runId));
  }
}
