/**
 * The vocabulary of LangGraph's `streamEvents` v2, as far as Sluice uses it: in the allow-list, and as the payload of
 * the `langgraph` format. (Source: `StreamEvent` of `@langchain/core/tracers/event_stream`.)
 */

/** Every event name v2 can produce. There is no `on_chain_error` or `on_chat_model_error`: those runs just throw. */
export const GRAPH_EVENT_NAMES = [
  "on_chat_model_start",
  "on_chat_model_stream",
  "on_chat_model_end",
  "on_llm_start",
  "on_llm_stream",
  "on_llm_end",
  "on_chain_start",
  "on_chain_stream",
  "on_chain_end",
  "on_tool_start",
  "on_tool_end",
  "on_tool_error",
  "on_retriever_start",
  "on_retriever_end",
  "on_prompt_start",
  "on_prompt_end",
  "on_parser_start",
  "on_parser_stream",
  "on_parser_end",
  "on_custom_event",
] as const;

/** The names of the graph events of LangChain's `streamEvents` v2, such as `on_tool_start`. */
export type GraphEventName = (typeof GRAPH_EVENT_NAMES)[number];

/** The default of `STREAM_ALLOWED_EVENTS`. */
export const DEFAULT_ALLOWED_EVENTS: readonly GraphEventName[] = [
  "on_chat_model_stream",
  "on_tool_start",
  "on_tool_end",
  "on_tool_error",
  "on_chain_start",
  "on_chain_end",
  "on_custom_event",
];

/** A call of a graph by another one, while the other runs. */
export interface Subagent {
  /** Unique in its run. A subagent that goes on when its question is answered has the same id in that run. */
  readonly id: string;
  /** The name of its agent, else of the tool that calls it, else of the node. */
  readonly name: string;
  /** The execution of the node that calls it. */
  readonly place: string;
  /** The run of the tool that calls it. */
  readonly toolRunId?: string;
}

/** One event of a running graph. `data` holds live references into the graph: read it, never change it. */
export interface GraphEvent {
  readonly event: GraphEventName;
  readonly name: string;
  readonly run_id: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `{input}`, `{chunk}`, `{output}` or `{error}` by event; for `on_custom_event` the value itself. */
  readonly data: unknown;
  /** `on_tool_*`: the model's id for the call. v2 leaves it out at the start; a callback handler supplies it. */
  readonly toolCallId?: string;
  /** The subagents that it happened in, outermost first. Absent where it is of the served graph itself. */
  readonly subagents?: readonly Subagent[];
  /**
   * Set on events that carry the graph's state: the current values of the keys that the agent exposes. `data` is then
   * empty.
   */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Not for clients: it only reports to the run that something has ended. */
  readonly silent?: true;
  /** The end of a model call or of a node that failed. v2 has no event for it, so this one is made up. */
  readonly failed?: true;
  /** `on_chat_model_end`: why the model stopped (`stop`, `tool_calls`, `length`, ...), where the provider said so. */
  readonly finishReason?: string;
  /** `on_chat_model_end`, `on_llm_end`: the tokens that the call used, in the form of LangChain's `usage_metadata`. */
  readonly usage?: unknown;
}

/** Is this chain run a node of a graph, rather than something a node calls, or LangGraph's own plumbing? */
export function isNode(event: GraphEvent): boolean {
  return (
    event.name === event.metadata.langgraph_node &&
    event.tags.some((tag) => tag.startsWith("graph:step:")) &&
    !event.tags.includes("langsmith:hidden")
  );
}

/**
 * Returns the namespace of the node execution that an event belongs to. Events inside a node have a namespace below the
 * node's.
 */
export function namespace({ metadata }: Pick<GraphEvent, "metadata">): string {
  const ns = metadata.langgraph_checkpoint_ns;
  return typeof ns === "string" ? ns : "";
}

/** Is `place` the same namespace as `around`, or below it? */
export function isInside(place: string, around: string): boolean {
  return place === around || place.startsWith(`${around}|`);
}

/**
 * The nodes that lead to an event, outermost first: `["research", "writer"]` for a node of a subgraph. Root: `[]`. If a
 * node's code calls several graphs, LangGraph adds a number for each graph after the first. The number is not a node.
 */
export function nodePath(event: Pick<GraphEvent, "metadata">): string[] {
  const ns = event.metadata.langgraph_checkpoint_ns;
  if (typeof ns !== "string" || ns === "") return [];
  return ns.split("|").flatMap((segment) => (/^\d+$/.test(segment) ? [] : (segment.split(":", 1)[0] ?? segment)));
}

/** Is it about a node of the graph itself, and not of a graph inside it? */
export function isOfRoot(event: GraphEvent): boolean {
  return isNode(event) && nodePath(event).length === 1;
}

/** The ids of LangGraph's tasks that lead to a place, outermost first. A task is one execution of a node. */
export function taskIds(place: string): string[] {
  return place.split("|").flatMap((segment) => segment.split(":").slice(1));
}

/** The names of an event's node in filters and settings: its own name, and every path that leads to it. */
export function nodeNames(event: GraphEvent): string[] {
  const path = nodePath(event);
  return [...path.map((_, index) => path.slice(0, index + 1).join("/")), ...path.slice(-1)];
}
