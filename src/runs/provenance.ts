/** The origin of each sent event, as views have to know it. */
import type { Provenance } from "../log/log.ts";
import { type GraphEvent, type GraphEventName, nodePath } from "../protocol/graph-event.ts";

/** A message that a view may show as tokens is the same message that another shows whole. */
const ADMITTING: Partial<Record<GraphEventName, readonly GraphEventName[]>> = {
  on_chat_model_stream: ["on_chat_model_stream", "on_chat_model_end"],
  on_llm_stream: ["on_llm_stream", "on_llm_end"],
};

/** A client that narrows all models away gets no report of how many tokens they gave, not even a zero. */
export const OF_ANY_MODEL: Provenance = {
  events: ["on_chat_model_stream", "on_chat_model_end", "on_llm_stream", "on_llm_end"],
  node: undefined,
  name: "",
  tags: [],
  depth: 0,
};

/** `events`: the names any of which admits what the event brings about. */
export function provenanceOf(event: GraphEvent, events = ADMITTING[event.event] ?? [event.event]): Provenance {
  const node = event.metadata.langgraph_node;
  return {
    events,
    node: typeof node === "string" ? node : undefined,
    name: event.name,
    tags: event.tags,
    depth: nodePath(event).length,
  };
}

/** The tokens of a model run come one after the other and share one provenance. */
export function sharedProvenance(): (event: GraphEvent) => Provenance {
  let last: { readonly runId: string; readonly name: GraphEventName; readonly provenance: Provenance } | undefined;
  return (event) => {
    const { run_id: runId, event: name } = event;
    if (last?.runId !== runId || last.name !== name) last = { runId, name, provenance: provenanceOf(event) };
    return last.provenance;
  };
}
