/** The executions of nodes that run now. It knows which of them an event ends, also where LangGraph reports no end. */
import { type GraphEvent, isInside, isNode, namespace, type Subagent } from "../protocol/graph-event.ts";

interface Execution {
  /** Its namespace, or the id of its run if it has none. */
  readonly place: string;
  readonly step: unknown;
  readonly subagents: readonly Subagent[];
}

/** An execution that is over: it has ended, has handed over to another node, was left by its caller, or has failed. */
export interface Over extends Execution {
  readonly failed: boolean;
}

export class Executions {
  /** By their place, in the order that they began. */
  readonly #running = new Map<string, Execution>();
  /** The places of those among them that have failed. What is around them may go on. */
  readonly #failed = new Set<string>();

  /** The executions that an event ends, innermost first. */
  push(event: GraphEvent): readonly Over[] {
    switch (event.event) {
      case "on_chain_start":
        return isNode(event) ? this.#begin(executionOf(event)) : [];
      case "on_chain_end":
        if (!isNode(event)) return [];
        return event.failed ? this.#fail(placeOf(event)) : this.#take(({ place }) => isInside(place, placeOf(event)));
      case "on_tool_end":
      case "on_tool_error":
        return this.#take(({ subagents }) => subagents.some(({ toolRunId }) => toolRunId === event.run_id));
      default:
        return [];
    }
  }

  /** The subagents around an execution that runs, outermost first. */
  subagentsAt(place: string): readonly Subagent[] {
    return this.#running.get(place)?.subagents ?? [];
  }

  #begin(begun: Execution): Over[] {
    // The same execution begins again: an attempt failed.
    const again = this.#take(({ place }) => isInside(place, begun.place)).map((one) => ({ ...one, failed: true }));
    // A graph begins a step when all nodes of the step before are over. A node that hands over has no end.
    const earlier = [...this.#running.values()].filter((one) => isBefore(one, begun));
    const left = this.#take(({ place }) => earlier.some((one) => isInside(place, one.place)));
    this.#running.set(begun.place, begun);
    return [...again, ...left];
  }

  /** It is over when its caller has ended: the caller may be about to try again. */
  #fail(place: string): Over[] {
    if (this.#running.has(place)) this.#failed.add(place);
    return [];
  }

  #take(wanted: (one: Execution) => boolean): Over[] {
    const found = [...this.#running.values()].filter(wanted).reverse();
    return found.map((one) => {
      this.#running.delete(one.place);
      return { ...one, failed: this.#failed.delete(one.place) };
    });
  }
}

/** The key of a node's execution. */
export function placeOf(event: GraphEvent): string {
  return namespace(event) || event.run_id;
}

function executionOf(event: GraphEvent): Execution {
  return { place: placeOf(event), step: event.metadata.langgraph_step, subagents: event.subagents ?? [] };
}

/** Is it of an earlier step of the same graph? */
function isBefore(one: Execution, other: Execution): boolean {
  const isSameGraph =
    graphOf(one.place) === graphOf(other.place) && one.subagents.at(-1)?.id === other.subagents.at(-1)?.id;
  return isSameGraph && typeof one.step === "number" && typeof other.step === "number" && one.step < other.step;
}

function graphOf(place: string): string {
  return place.slice(0, Math.max(0, place.lastIndexOf("|")));
}
