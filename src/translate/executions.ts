/** The executions of nodes that run now. It knows which of them an event ends, also where LangGraph reports no end. */
import { type GraphEvent, isInside, isNode, namespace, type Subagent } from "../protocol/graph-event.ts";

interface Execution {
  /** Its namespace, or the id of its run if it has none. */
  readonly place: string;
  readonly step: unknown;
  readonly subagents: readonly Subagent[];
}

/** The executions that an event ends. */
export interface Over {
  /** They are over: each has ended, or has handed over to another node. Innermost first. */
  readonly left: readonly Execution[];
  /** They have no end of their own although what is around them goes on: they failed. Innermost first. */
  readonly failed: readonly Execution[];
}

const NOTHING: Over = { left: [], failed: [] };

export class Executions {
  /** By their place, in the order that they began. */
  readonly #running = new Map<string, Execution>();

  push(event: GraphEvent): Over {
    switch (event.event) {
      case "on_chain_start":
        return isNode(event) ? this.#begin(executionOf(event)) : NOTHING;
      case "on_chain_end":
        return isNode(event) ? this.#end(placeOf(event)) : NOTHING;
      case "on_tool_end":
      case "on_tool_error": {
        const isCalledBy = ({ toolRunId }: Subagent) => toolRunId === event.run_id;
        return { left: [], failed: this.#take(({ subagents }) => subagents.some(isCalledBy)) };
      }
      default:
        return NOTHING;
    }
  }

  /** The subagents around an execution that runs, outermost first. */
  subagentsAt(place: string): readonly Subagent[] {
    return this.#running.get(place)?.subagents ?? [];
  }

  #begin(begun: Execution): Over {
    // The same execution begins again: an attempt failed.
    const failed = this.#take(({ place }) => isInside(place, begun.place));
    // A graph begins a step when all nodes of the step before are over. A node that hands over has no end.
    const earlier = [...this.#running.values()].filter((one) => isBefore(one, begun));
    const left = this.#take(({ place }) => earlier.some((one) => isInside(place, one.place)));
    this.#running.set(begun.place, begun);
    return { left, failed };
  }

  #end(ended: string): Over {
    const failed = this.#take(({ place }) => place !== ended && isInside(place, ended));
    return { left: this.#take(({ place }) => place === ended), failed };
  }

  #take(wanted: (one: Execution) => boolean): Execution[] {
    const found = [...this.#running.values()].filter(wanted).reverse();
    for (const { place } of found) this.#running.delete(place);
    return found;
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
