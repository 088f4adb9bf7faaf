/**
 * Deletes threads: at a client's request, or because they were unused for long. The store marks the thread first. From
 * then on nothing starts on it, and the deletion is finished, by another process if this one dies.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { forgetThread } from "../graph/checkpoints.ts";
import type { Registry } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { Instances } from "../store/instances.ts";
import { type Claim, isHolding, type RunRecord, type Store } from "../store/store.ts";
import type { ActiveRuns } from "./active-runs.ts";
import type { Admission } from "./admission.ts";
import type { Audiences } from "./audiences.ts";

/** The places that keep something of a thread. */
export interface Keepers {
  readonly store: Store;
  readonly log: EventLog;
  readonly registry: Registry;
}

/** Erases a thread whose deletion has begun. Each step may be done again. */
export async function erase({ store, log, registry }: Keepers, claim: Claim): Promise<void> {
  const { threadId } = claim;
  // Graphs with their own checkpointer come first, because the thread's runs name them.
  const agents = new Set((await store.runs(threadId)).map(({ agent }) => agent));
  for (const { name, graph } of registry.all) if (agents.has(name)) await forgetThread(graph, threadId);
  await store.deletions.erase(threadId);
  // Its watchers get a gap, and learn that the thread is empty now.
  await log.drop(threadTopic(threadId));
  await log.drop(graphTopic(threadId));
  await store.withdraw(claim);
}

/** The most threads that are looked up at once. */
const BATCH = 50;

/** Milliseconds that readers of a temporary thread have for its end. */
const READ_MS = 60_000;

/** Milliseconds between two deletions of a sweep: other work goes on in between. */
const PAUSE_MS = 10;

export interface DeletionsOptions extends Keepers {
  readonly admission: Pick<Admission, "alone" | "seize" | "reserve">;
  readonly instances: Pick<Instances, "isElsewhere">;
  readonly active: Pick<ActiveRuns, "get">;
  readonly audiences: Pick<Audiences, "deserted">;
  /** Is called with a thread that could not be deleted, and that no request waits for. The deletion is tried again. */
  readonly notDeleted: (threadId: string, error: unknown) => void;
}

export class Deletions {
  readonly #options: DeletionsOptions;
  /** Deletions that failed half way. They hold their threads. */
  readonly #unfinished = new Set<Claim>();
  /** Deletions that wait for the end of a run and for its readers, by thread. */
  readonly #after = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();
  #sweeping: Promise<number> | undefined;

  constructor(options: DeletionsOptions) {
    this.#options = options;
  }

  /** Deletes a thread. An active run is cancelled. `false` when there is no such thread. */
  delete(threadId: string): Promise<boolean> {
    const { admission } = this.#options;
    return admission.alone(threadId, async () => this.#delete(await admission.seize(threadId)));
  }

  /**
   * Deletes a thread when its run is over in this process, and nobody reads it any more in any process. If another
   * process goes on with the run, the thread is left to that process.
   */
  afterRun({ threadId, runId }: Pick<RunRecord, "threadId" | "runId">): Promise<void> {
    const after =
      this.#after.get(threadId) ?? this.#afterRun(threadId, runId).finally(() => this.#after.delete(threadId));
    this.#after.set(threadId, after);
    return after;
  }

  async #afterRun(threadId: string, runId: string): Promise<void> {
    const { store, active, audiences } = this.#options;
    await active.get(threadId)?.done;
    const run = await store.run(threadId, runId);
    if (!run || isHolding(run)) return;
    await audiences.deserted(threadId, READ_MS);
    await this.delete(threadId);
  }

  /** Finishes a deletion whose process is gone. */
  async takeUp(deletion: RunRecord): Promise<void> {
    await this.#reporting(deletion.threadId, () => this.#finish(deletion));
  }

  /**
   * Finishes deletions that failed half way. Then deletes the threads that were last used before `unusedSince`, but for
   * those that a run holds, that wait for an answer, or that are shared. Gives the number of these threads.
   */
  sweep(unusedSince: number): Promise<number> {
    this.#sweeping ??= this.#sweep(unusedSince).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  /** Ends the sweep that is under way. Never rejects. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#sweeping?.catch(() => {});
  }

  async #sweep(unusedSince: number): Promise<number> {
    for (const claim of [...this.#unfinished]) await this.#reporting(claim.threadId, () => this.#tryAgain(claim));
    let deleted = 0;
    for (;;) {
      const idle = await this.#options.store.deletions.idle(unusedSince, BATCH);
      const before = deleted;
      for (const threadId of idle) {
        await sleep(PAUSE_MS, undefined, { ref: false });
        if (this.#closed.signal.aborted) return deleted;
        if (await this.#reporting(threadId, () => this.#deleteIdle(threadId, unusedSince))) deleted += 1;
      }
      // Other processes may sweep too. If nothing of a batch could be deleted here, they delete it.
      if (idle.length < BATCH || deleted === before) return deleted;
    }
  }

  #deleteIdle(threadId: string, unusedSince: number): Promise<boolean> {
    const { admission } = this.#options;
    return admission.alone(threadId, async () => {
      const claim = await admission.reserve(threadId);
      return claim !== undefined && this.#delete(claim, unusedSince);
    });
  }

  #delete(claim: Claim, unusedSince?: number): Promise<boolean> {
    const { store } = this.#options;
    return this.#keeping(claim, async () => {
      const begun = await store.deletions.begin(claim, unusedSince);
      await (begun ? erase(this.#options, claim) : store.withdraw(claim));
      return begun;
    });
  }

  /** Another process, or a start on the thread, may have been first. */
  async #tryAgain(left: Claim): Promise<void> {
    const deletion = await this.#options.store.run(left.threadId, left.runId);
    this.#unfinished.delete(left);
    if (deletion && !this.#options.instances.isElsewhere(deletion)) await this.#finish(deletion);
  }

  async #finish(deletion: RunRecord): Promise<void> {
    const { store } = this.#options;
    const claim = await store.takeOver(deletion);
    if (!claim) return;
    const begun = deletion.status === "deleting";
    await this.#keeping(claim, () => (begun ? erase(this.#options, claim) : store.withdraw(claim)));
  }

  async #keeping<T>(claim: Claim, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#unfinished.add(claim);
      throw error;
    }
  }

  /** A thread that cannot be deleted does not stop the others. Without the store, no thread can be deleted. */
  async #reporting<T>(threadId: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (SluiceError.from(error).code === "storage_unavailable") throw error;
      this.#options.notDeleted(threadId, error);
      return undefined;
    }
  }
}
