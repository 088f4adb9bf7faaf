/** Takes up the runs that no process drives any more: when this process starts, and when another one has left. */
import type { Instances } from "../store/instances.ts";
import { isHolding, type RunRecord } from "../store/store.ts";
import type { Deletions } from "./deletions.ts";
import { type Again, type LeftRun, type TakeUpOptions, takeUp } from "./recovery.ts";

export interface TakeUpsOptions extends TakeUpOptions {
  readonly instances: Instances;
  readonly deletions: Pick<Deletions, "takeUp" | "afterRun">;
  readonly again: Again;
  /** Is called with a run that had lost its process, and with the outcome. */
  readonly tookUp: (left: LeftRun) => void;
  /** Is called when runs could not be taken over. They are tried again. */
  readonly failed: (error: unknown) => void;
}

/**
 * One after the other, the last of many runs would be without a process for seconds longer than the first. All at once,
 * they would take every connection to the database from the readers that come back.
 */
const TAKEN_UP_AT_ONCE = 4;

export class TakeUps {
  readonly #options: TakeUpsOptions;
  /** Runs that this process claims and does not drive yet, by thread. As long as it lives, no other process finds them. */
  readonly #claimed = new Map<string, RunRecord>();
  #running: Promise<void> | undefined;
  /** There may be more. */
  #wanted = false;
  #closed = false;

  constructor(options: TakeUpsOptions) {
    this.#options = options;
  }

  /** The thread's run, if this process claims it. */
  of(threadId: string): RunRecord | undefined {
    return this.#claimed.get(threadId);
  }

  /** Takes up nothing more: that is for the processes that stay. */
  close(): void {
    this.#closed = true;
  }

  /** The take-ups that are under way. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** Takes up all that there are now. */
  run(): Promise<void> {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Takes up a run. It does not wait for the thread's turn, because the start that has the turn may wait for this run. */
  async takeUp(run: RunRecord): Promise<void> {
    const { store, deletions, again, tookUp, failed } = this.#options;
    const { threadId } = run;
    this.#claimed.set(threadId, run);
    if (run.status === "deleting") await deletions.takeUp(run);
    else {
      const claim = isHolding(run) ? await store.takeOver(run) : undefined;
      if (claim) {
        this.#claimed.set(threadId, { ...run, ...claim });
        const left = await takeUp(this.#options, run, claim, again);
        if (left) tookUp(left);
      }
      if (run.temporary) void deletions.afterRun(run).catch(failed);
    }
    this.#claimed.delete(threadId);
  }

  async #run(): Promise<void> {
    const { instances, failed } = this.#options;
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      const tryAgain = [...this.#claimed.values()];
      const runs = [...tryAgain, ...(await instances.orphans())];
      const rest = runs.values();
      const some = async () => {
        for (const run of rest) if (!this.#closed) await this.takeUp(run).catch(failed);
      };
      await Promise.all(Array.from({ length: TAKEN_UP_AT_ONCE }, some));
      if (runs.length > 0) instances.recall();
    }
  }
}
