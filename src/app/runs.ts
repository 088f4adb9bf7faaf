/** Runs as the app around Sluice sees them. */
import { randomUUID } from "node:crypto";
import type { RunAgentInput } from "../protocol/events.ts";
import { parseRunAgentInput } from "../protocol/input.ts";
import type { RunHandle } from "../runs/handle.ts";
import { type RunResult, readResult } from "../server/result.ts";
import type { Core } from "./core.ts";

/** The input of a run: AG-UI's `RunAgentInput`. Only `messages` is required. */
export interface RunStart extends Partial<Omit<RunAgentInput, "messages">> {
  readonly messages: RunAgentInput["messages"];
  /** The agent's name. Default: the first agent. */
  readonly agent?: string | undefined;
}

/** The ids of a run. */
export interface RunIds {
  readonly agent: string;
  readonly threadId: string;
  readonly runId: string;
}

export interface StartedRun extends RunIds {
  /** The run's end, and the messages it adds to the thread. Rejects with a SluiceError when the run fails. */
  readonly result: Promise<RunResult>;
}

/** Starts, finds and cancels runs for the app itself. Clients on the same thread see these runs like all others. */
export interface Runs {
  /**
   * Starts a run, on a new thread if no thread is named. Followers of the thread see it like any other run, and it
   * continues without followers. If a run with this `runId` exists, the call attaches to it.
   * @throws SluiceError `bad_request`, `not_found` (agent), `thread_busy`, `run_conflict`, `interrupt_pending`,
   * `overloaded`, `draining`.
   */
  start(run: RunStart): Promise<StartedRun>;
  /** Cancels the thread's active run. Resolves with `false` when there is none. */
  cancel(threadId: string): Promise<boolean>;
  /** The thread's active run; `undefined` when there is none. */
  active(threadId: string): Promise<RunIds | undefined>;
  /** The number of runs that this process drives, on all threads. */
  activeCount(): Promise<number>;
}

export function runsOf({ runs, log }: Pick<Core, "runs" | "log">): Runs {
  return {
    async start({ agent, ...start }) {
      const input = parseRunAgentInput({ threadId: randomUUID(), runId: randomUUID(), ...start });
      const run = await runs.start({ agent, input });
      // A run without followers is cancelled, so the app counts as a follower.
      const leave = runs.follow(run.threadId);
      const result = readResult(log, run, new AbortController().signal)
        .then((read) => read ?? Promise.reject(new Error("The log ended before the run.")))
        .finally(leave);
      result.catch(() => {}); // The caller may ignore the result: a rejection must not end the process.
      return { ...idsOf(run), result };
    },
    // A run that is over, but not yet removed from the active runs, does not count.
    cancel: async (threadId) => (await runs.active(threadId)) !== undefined && runs.cancel(threadId),
    async active(threadId) {
      const run = await runs.active(threadId);
      return run && idsOf(run);
    },
    activeCount: async () => runs.activeCount,
  };
}

function idsOf({ agent, threadId, runId }: RunHandle): RunIds {
  return { agent: agent.name, threadId, runId };
}
