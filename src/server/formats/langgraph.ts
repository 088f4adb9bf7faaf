/** `langgraph`: the admitted v2 events themselves. They were serialized when they were logged. */
import type { Outgoing } from "../view.ts";
import type { Format } from "./format.ts";

export const langgraph: Format = {
  graph: true,
  encode: (out) => (isGraph(out) ? [out.json] : []),
};

function isGraph({ type }: Outgoing): boolean {
  return type === "GRAPH" || type === "GRAPH_END";
}
