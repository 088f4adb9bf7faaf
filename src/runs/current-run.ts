/**
 * The run to which the current code belongs: a graph's own code, and code that the graph leaves running after the run.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CheckpointHooks } from "../store/checkpointer.ts";
import type { Claim } from "../store/store.ts";

export interface CurrentRun extends Claim, CheckpointHooks {
  readonly agent: string;
}

export const currentRun = new AsyncLocalStorage<CurrentRun>();
