/** A run that this process drives. */
import type { RunHandle } from "./handle.ts";
import type { Run } from "./run.ts";

export interface ActiveRun {
  readonly run: Run;
  readonly handle: RunHandle;
  readonly bodyHash: string;
  /** It was meant to go on when nobody follows. */
  readonly detached: boolean;
  /** Resolves when its thread is free. */
  readonly done: Promise<void>;
}
