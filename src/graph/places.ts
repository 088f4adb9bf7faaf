/**
 * The place of each run below the served graph. If a node calls a graph and passes it a `checkpoint_ns`, this graph
 * begins a new namespace, so its nodes look like nodes of the served graph. Only the parent run shows the real place.
 */
import { type GraphEvent, isInside, namespace } from "../protocol/graph-event.ts";

interface Place {
  /** The namespace that the run's metadata has. */
  readonly own: string;
  /** The namespace in front of `own`. It is empty unless a graph around it began its own namespace. */
  readonly before: string;
}

/** The places of one run of the served graph. */
export class Places {
  readonly #places = new Map<string, Place>();

  began(runId: string, parentRunId: string | undefined, metadata: Readonly<Record<string, unknown>> = {}): void {
    const own = namespace({ metadata });
    const parent = this.#places.get(parentRunId ?? "");
    this.#places.set(runId, { own, before: parent ? before(own, parent) : "" });
  }

  ended(runId: string): void {
    this.#places.delete(runId);
  }

  /** The whole namespace of a run that is open. */
  of(runId: string): string {
    const { own, before } = this.#places.get(runId) ?? { own: "", before: "" };
    return before === "" ? own : `${before}|${own}`;
  }

  /** The event, with its whole namespace. */
  placed(event: GraphEvent): GraphEvent {
    const around = this.#places.get(event.run_id)?.before;
    if (!around) return event;
    const langgraph_checkpoint_ns = `${around}|${namespace(event)}`;
    return { ...event, metadata: { ...event.metadata, langgraph_checkpoint_ns } };
  }
}

function before(own: string, parent: Place): string {
  if (own === "" || parent.own === "" || isInside(own, parent.own)) return parent.before;
  return parent.before === "" ? parent.own : `${parent.before}|${parent.own}`;
}
