/** The facts of an active run that its row keeps with its messages, for the process that goes on after a crash. */
import { NO_OUTPUT, type Output } from "../graph/output-bounds.ts";

/** Plain JSON. */
export interface SoFar {
  readonly used: Used;
  /** The thread's newest checkpoint, of the graph itself or of a graph inside it. */
  readonly checkpoint: string;
  /** The places in the graph where messages began since then, by message. */
  readonly places: Readonly<Record<string, string>>;
}

/** The part of its limits that a run has used, in all its processes. */
export interface Used {
  readonly output: Output;
  /** The first step of its graph; absent while no step is over. */
  readonly firstStep: number | undefined;
}

export const NOTHING_USED: Used = { output: NO_OUTPUT, firstStep: undefined };
