/** What a start does on a thread where a run is active: wait, take over, or come back later. */
import type { ServedAgent } from "../graph/registry.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Audiences } from "./audiences.ts";
import type { RunHandle } from "./handle.ts";
import type { Run } from "./run.ts";

/** A run that is active, as its manager keeps it. */
export interface Active {
  readonly run: Run;
  readonly handle: RunHandle;
  readonly bodyHash: string;
  readonly detached: boolean;
  readonly done: Promise<void>;
}

/** How long hanging up may take to be heard, in milliseconds. */
const HANG_UP_MS = 100;

/**
 * Waits for a thread to be idle, or refuses to. A run that nobody follows and that was not meant to go on alone is
 * one whose reader pressed stop and types on: it makes way.
 */
export async function makeRoom(agent: ServedAgent, active: Active | undefined, audiences: Audiences): Promise<void> {
  if (!active) return;
  const { run, handle, detached, done } = active;
  const { threadId, runId } = handle;
  // Who hangs up and asks anew at once may be heard before the hanging up is.
  if (!detached && agent.whenBusy !== "interrupt" && !run.ended) {
    await Promise.race([done, audiences.emptied(threadId, HANG_UP_MS)]);
  }
  const abandoned = !detached && audiences.hasLeft(threadId);
  if (agent.whenBusy === "interrupt" || abandoned) run.stop();
  else if (agent.whenBusy === "reject" && !run.ended) {
    throw new SluiceError("thread_busy", `Run "${runId}" is active on this thread. Cancel it, or wait.`, {
      details: { runId },
    });
  }
  await done;
}
