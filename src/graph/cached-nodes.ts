/**
 * Nodes whose result LangGraph takes from its cache (`cachePolicy`). They do not run, so they have no events: their
 * output stands only in a chunk of the root's stream. Here it becomes a node's start and end, like any node's.
 */
import { randomUUID } from "node:crypto";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import type { ServedGraph } from "./source.ts";

interface Task {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** The stream modes that show these nodes. `tasks` has a node's input, which the update lacks. */
export function cacheModes({ cache }: ServedGraph): readonly string[] {
  return cache ? ["tasks"] : [];
}

export class CachedNodes {
  /**
   * Tasks that were announced and are not done, by id. An earlier run reported the cached updates of all other tasks.
   */
  readonly #tasks = new Map<string, Task>();

  /** Reads a chunk of the mode `tasks`: a task begins, or has a result. */
  note(task: unknown): void {
    if (!isRecord(task) || typeof task.id !== "string" || typeof task.name !== "string") return;
    if ("input" in task) this.#tasks.set(task.id, { id: task.id, name: task.name, input: task.input });
    else this.#tasks.delete(task.id);
  }

  /** The events of the nodes in a chunk of the mode `updates`; none when it is not from the cache. */
  eventsOf(root: GraphEvent, update: unknown): GraphEvent[] {
    if (!isRecord(update) || !isRecord(update.__metadata__) || update.__metadata__.cached !== true) return [];
    return Object.entries(update).flatMap(([name, output]) => {
      const task = [...this.#tasks.values()].find((task) => task.name === name);
      if (!task) return [];
      this.#tasks.delete(task.id);
      const node = {
        ...root,
        name,
        run_id: randomUUID(),
        tags: [...root.tags, "graph:step:cached"],
        metadata: { ...root.metadata, langgraph_node: name, langgraph_checkpoint_ns: `${name}:${task.id}` },
      };
      return [
        { ...node, event: "on_chain_start", data: { input: task.input } },
        { ...node, event: "on_chain_end", data: { input: task.input, output } },
      ];
    });
  }
}
