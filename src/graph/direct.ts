/**
 * The direct source: the same events as `streamEvents` v2 reports, from one callback handler on `graph.stream`. Each event
 * is handed over within the call that made it. No stream, no promise and no tree of runs is kept for it.
 */
import { AsyncResource } from "node:async_hooks";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { DirectEvents } from "./direct-events.ts";
import type { RunNotes } from "./run-notes.ts";
import type { ServedGraph } from "./source.ts";
import type { Drive } from "./stream-events.ts";

type StreamingGraph = ServedGraph & Required<Pick<ServedGraph, "stream">>;

/** Can the direct source read this graph? Graphs with `streamEvents` alone are read through that. */
export function hasStream(graph: ServedGraph): graph is StreamingGraph {
  return typeof graph.stream === "function";
}

/** Drives a graph. `config.callbacks` has the callbacks except the notes, which the source's own handler calls. */
export function driveDirect(
  graph: StreamingGraph,
  input: unknown,
  config: Readonly<Record<string, unknown>> & { readonly runId: string; readonly callbacks: readonly unknown[] },
  notes: RunNotes,
  each: (event: GraphEvent) => void,
): Drive {
  let refuse: (reason: unknown) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  // Work that an event starts belongs to the run, not to the node that happened to make the event. It must not run in
  // the async context of the node, with the node's config or span.
  const outside = new AsyncResource("sluice.direct");
  let wanted = true;
  const handler = new DirectEvents(notes, { runId: config.runId, input }, (event) => {
    if (!wanted) return;
    try {
      outside.runInAsyncScope(each, undefined, event);
    } catch (error) {
      // LangChain would only print a warning about an error from a handler.
      wanted = false;
      refuse(error);
    }
  });
  let iterator: AsyncIterator<unknown> | undefined;
  const run = async () => {
    const stream = await graph.stream(input, { ...config, callbacks: [...config.callbacks, handler] });
    iterator = stream[Symbol.asyncIterator]();
    const chunks = handler.tapOutputIterable(config.runId, iterator);
    for (let step = await chunks.next(); !step.done && wanted; step = await chunks.next());
  };
  return {
    done: Promise.race([run(), refused]),
    leave: () => {
      wanted = false;
      iterator?.return?.().then(undefined, () => {});
    },
  };
}
