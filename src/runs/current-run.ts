/**
 * The run that the current code belongs to: a graph's own code, and whatever that leaves running when the run is over.
 */
import { AsyncLocalStorage } from "node:async_hooks";

export interface RunNames {
  readonly agent: string;
  readonly threadId: string;
  readonly runId: string;
}

export const currentRun = new AsyncLocalStorage<RunNames>();
