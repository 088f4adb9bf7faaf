/** The reference source: a graph's events as its own `streamEvents` reports them. */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { fromV1 } from "./normalize.ts";
import type { ServedGraph, StreamVersion } from "./source.ts";

/** A graph being driven. */
export interface Drive {
  /** Settles when the graph has ended and all its events were passed on, or when passing one on failed. */
  readonly done: Promise<void>;
  /** Stops reading. A graph that ignores its signal goes on, but its later errors are ignored. */
  leave(): void;
}

/** Reads `streamEvents`, one event after the other, in the form of v2. */
export function driveStreamEvents(
  graph: ServedGraph,
  input: unknown,
  config: Readonly<Record<string, unknown>>,
  version: StreamVersion,
  each: (event: GraphEvent) => void,
): Drive {
  const iterator = graph.streamEvents(input, { ...config, version })[Symbol.asyncIterator]();
  let wanted = true;
  const pump = async () => {
    for (let step = await iterator.next(); !step.done && wanted; step = await iterator.next()) {
      const event = step.value as GraphEvent;
      each(version === "v1" ? fromV1(event) : event);
    }
  };
  return {
    done: pump(),
    leave: () => {
      wanted = false;
      iterator.return?.().then(undefined, () => {});
    },
  };
}
