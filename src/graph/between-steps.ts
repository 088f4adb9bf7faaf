/** The place between two steps of a graph, where LangGraph can stop it and counts its steps. */
import { GraphRecursionError, isGraphDrained } from "@langchain/langgraph";

/** LangGraph's own control of a run. It is asked before each step, in the graphs inside the graph too. */
export interface GraphControl {
  drainRequested: boolean;
  readonly drainReason: string;
}

/** Was this thrown since the graph stopped between two steps, as its control had asked? */
export function isStoppedBetweenSteps(thrown: unknown): boolean {
  return thrown instanceof Error && isGraphDrained(thrown);
}

/** The error that LangGraph throws when a graph has taken as many steps as it may, in LangGraph's words. */
export function tooManySteps(limit: number): Error {
  return new GraphRecursionError(
    `Recursion limit of ${limit} reached without hitting a stop condition. ` +
      'You can increase the limit by setting the "recursionLimit" config key.',
    { lc_error_code: "GRAPH_RECURSION_LIMIT" },
  );
}
