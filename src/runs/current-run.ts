/**
 * The run to which the current code belongs: a graph's own code, and code that the graph leaves running after the run.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { StoredStep } from "../store/checkpointer.ts";
import type { Claim } from "../store/store.ts";

export interface CurrentRun extends Claim {
  readonly agent: string;
  /** Is called when a checkpoint of a thread's graph is stored. */
  readonly stored?: (step: StoredStep) => void | Promise<void>;
}

export const currentRun = new AsyncLocalStorage<CurrentRun>();
