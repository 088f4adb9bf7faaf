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

/** The stream modes that show them: `tasks` has a node's input, which is not its update. */
export function cacheModes({ cache }: ServedGraph): readonly string[] {
  return cache ? ["tasks"] : [];
}

export class CachedNodes {
  /** Announced and not done, by id. A cached update of a task that is not among them was reported by an earlier run. */
  readonly #tasks = new Map<string, Task>();

  /** A chunk of the mode `tasks`: one begins, or has a result. */
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
