/** Which run the code that is running belongs to: a graph's own, and whatever that leaves behind when the run is over. */
import { AsyncLocalStorage } from "node:async_hooks";

export interface RunNames {
  readonly agent: string;
  readonly threadId: string;
  readonly runId: string;
}

export const currentRun = new AsyncLocalStorage<RunNames>();
