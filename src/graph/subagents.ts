/**
 * The graphs that a graph calls: in a node that is a graph, in a node's code, or in a tool. Each call is a subagent. An
 * event shows only the namespace of its node, and the callbacks know the tool around it.
 */
import { type GraphEvent, isInside, isNode, namespace, type Subagent } from "../protocol/graph-event.ts";
import type { RunNotes } from "./run-notes.ts";

/** The execution of a node, as far as its events describe it. */
interface Execution {
  readonly node: string;
  /** The name of the agent that the node belongs to, as LangChain's `createAgent` gives it. */
  readonly agent: unknown;
}

/** The subagents of one run. */
export class Subagents {
  readonly #notes: Pick<RunNotes, "toolAround">;
  /** The running subagents, by the namespace that they run in. */
  readonly #running = new Map<string, Subagent>();
  /** Asked with every token. */
  readonly #paths = new Map<string, readonly Subagent[]>();
  readonly #executions = new Map<string, Execution>();
  readonly #attempts = new Map<string, number>();
  readonly #toolNames = new Map<string, string>();

  constructor(notes: Pick<RunNotes, "toolAround">) {
    this.#notes = notes;
  }

  /** The event, with the subagents around it, outermost first. */
  around(event: GraphEvent): GraphEvent {
    const place = namespace(event);
    if (event.event === "on_tool_start") this.#toolNames.set(event.run_id, event.name);
    const starts = event.event === "on_chain_start" && isNode(event);
    if (starts) this.#starts(event, place);
    // No namespace has a `|` but those of a graph inside another.
    if (!place.includes("|")) return event;
    const known = this.#paths.get(place);
    const subagents = known ?? this.#path(event, place);
    if (!known) this.#paths.set(place, subagents);
    return { ...event, subagents };
  }

  /** An execution that starts again has failed before: its subagents are other ones. */
  #starts(event: GraphEvent, place: string): void {
    if (this.#executions.has(place)) {
      for (const map of [this.#running, this.#paths])
        for (const key of map.keys()) if (isInside(key, place)) map.delete(key);
    }
    this.#executions.set(place, { node: event.name, agent: event.metadata.lc_agent_name });
  }

  #path(event: GraphEvent, place: string): readonly Subagent[] {
    const path: Subagent[] = [];
    for (const key of callsAround(place)) {
      const subagent = this.#running.get(key) ?? this.#begun(event, key, path.at(-1));
      this.#running.set(key, subagent);
      path.push(subagent);
    }
    return path;
  }

  #begun(event: GraphEvent, key: string, parent: Subagent | undefined): Subagent {
    const place = key.replace(/\|\d+$/, "");
    const execution = this.#executions.get(place);
    const tool = this.#notes.toolAround(event.run_id);
    const toolRunId = tool === parent?.toolRunId ? undefined : tool;
    const { lc_agent_name: agent } = event.metadata;
    // A graph without a name has the name of the agent around it in its metadata.
    const own = typeof agent === "string" && agent !== execution?.agent ? agent : undefined;
    const caller = (toolRunId && this.#toolNames.get(toolRunId)) ?? execution?.node ?? nodeOf(place);
    const attempt = (this.#attempts.get(key) ?? 0) + 1;
    this.#attempts.set(key, attempt);
    const id = `${idOf(key)}${attempt > 1 ? `#${attempt}` : ""}`;
    return { id, name: own ?? caller, place, ...(toolRunId === undefined ? {} : { toolRunId }) };
  }
}

/**
 * The namespaces of the calls that lead to a place. From the second graph on that a node's code calls, LangGraph puts a
 * number after the node.
 */
function callsAround(place: string): string[] {
  const segments = place.split("|");
  return segments.flatMap((segment, index) =>
    index === 0 || /^\d+$/.test(segment) ? [] : segments.slice(0, index).join("|"),
  );
}

/** The id of the node's execution, which stays the same when a run answers a question of this subagent. */
function idOf(key: string): string {
  const [, execution = "", number] = /([^|:]*)(?:\|(\d+))?$/.exec(key) ?? [];
  return number === undefined ? execution : `${execution}-${number}`;
}

function nodeOf(place: string): string {
  return place.slice(place.lastIndexOf("|") + 1).split(":", 1)[0] ?? place;
}
