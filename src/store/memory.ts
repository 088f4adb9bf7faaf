/** The store of a process that keeps nothing on disk. */
import type { RunRecord, Store, ThreadRecord } from "./store.ts";

interface Thread {
  record: ThreadRecord;
  readonly runs: Map<string, RunRecord>;
}

/** The most runs remembered of one thread; an older runId that comes again starts anew. */
const MAX_RUNS = 1_000;

export class MemoryStore implements Store {
  readonly #threads = new Map<string, Thread>();
  readonly #maxThreads: number;
  readonly #forgotten: (threadId: string) => void;
  readonly #now: () => number;

  /**
   * Keeps the `maxThreads` threads that were used last. `forgotten` hears of each that is let go, so that what others
   * keep of it can go too.
   */
  constructor(maxThreads: number, forgotten: (threadId: string) => void, now: () => number = Date.now) {
    this.#maxThreads = maxThreads;
    this.#forgotten = forgotten;
    this.#now = now;
  }

  async thread(threadId: string): Promise<ThreadRecord | undefined> {
    return this.#threads.get(threadId)?.record;
  }

  async run(threadId: string, runId: string): Promise<RunRecord | undefined> {
    return this.#threads.get(threadId)?.runs.get(runId);
  }

  async runs(threadId: string): Promise<readonly RunRecord[]> {
    return [...(this.#threads.get(threadId)?.runs.values() ?? [])];
  }

  async startRun(run: RunRecord): Promise<void> {
    const { threadId, agent } = run;
    const known = this.#threads.get(threadId);
    const now = this.#now();
    const blank = { threadId, agent, messages: [], interrupts: [], createdAt: now, updatedAt: now };
    const record = { ...(known?.record ?? blank), agent, interrupts: [], updatedAt: now };
    const runs = known?.runs ?? new Map<string, RunRecord>();
    runs.set(run.runId, run);
    this.#trim(runs, MAX_RUNS);
    // Deleted first: a Map keeps the order of insertion, and the last used belongs at its end.
    this.#threads.delete(threadId);
    this.#threads.set(threadId, { record, runs });
    this.#trim(this.#threads, this.#maxThreads, this.#forgotten);
  }

  async endRun(...[threadId, runId, end]: Parameters<Store["endRun"]>): Promise<boolean> {
    const thread = this.#threads.get(threadId);
    const run = thread?.runs.get(runId);
    if (!thread || run?.status !== "active") return false;
    thread.runs.set(runId, { ...run, status: end.status });
    const { messages, interrupts, refused, terminal, state = thread.record.state } = end;
    const ending = terminal && { runId, terminal };
    thread.record = { ...thread.record, messages, interrupts, refused, ending, state, updatedAt: this.#now() };
    return true;
  }

  /** Lets the oldest go. What is active stays, however many there are: they are bounded elsewhere. */
  #trim<T extends RunRecord | Thread>(map: Map<string, T>, max: number, gone?: (key: string) => void): void {
    if (map.size <= max) return;
    for (const [key, value] of map) {
      if (map.size <= max) return;
      if (isActive(value)) continue;
      map.delete(key);
      gone?.(key);
    }
  }
}

function isActive(value: RunRecord | Thread): boolean {
  return "runs" in value ? [...value.runs.values()].some(isActive) : value.status === "active";
}
