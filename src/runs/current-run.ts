/**
 * The run that the current code belongs to: a graph's own code, and whatever that leaves running when the run is over.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Claim } from "../store/store.ts";

export interface CurrentRun extends Claim {
  readonly agent: string;
}

export const currentRun = new AsyncLocalStorage<CurrentRun>();
