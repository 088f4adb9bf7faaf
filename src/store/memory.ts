/** The store of a process that keeps nothing on disk. */
import type { Message } from "../protocol/events.ts";
import { pageOf, parsePlace, titleOf } from "./listing.ts";
import {
  MAX_RUNS,
  type RunEnding,
  type RunRecord,
  type RunStatus,
  type Store,
  type ThreadPage,
  type ThreadRecord,
  type ThreadStatus,
  type ThreadSummary,
} from "./store.ts";
import { allRemoved } from "./tombstones.ts";

interface Thread {
  record: ThreadRecord;
  readonly runs: Map<string, RunRecord>;
}

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

  async activeRuns(): Promise<readonly RunRecord[]> {
    return [...this.#threads.values()].flatMap(({ runs }) => [...runs.values()].filter(isActive));
  }

  async threads(limit: number, before?: string): Promise<ThreadPage> {
    const place = before === undefined ? undefined : parsePlace(before);
    const found = [...this.#threads.values()]
      .map(({ record }) => summary(record))
      .sort(lastUsedFirst)
      .filter((thread) => place === undefined || lastUsedFirst(place, thread) < 0);
    return pageOf(found, limit);
  }

  async threadSummary(threadId: string): Promise<ThreadSummary | undefined> {
    const thread = this.#threads.get(threadId);
    return thread && summary(thread.record);
  }

  async threadStatus(threadId: string): Promise<ThreadStatus | undefined> {
    const record = this.#threads.get(threadId)?.record;
    if (!record) return undefined;
    const { agent, interrupts, refused, ending } = record;
    return { agent, interrupts, ...(refused ? { refused } : {}), ...(ending ? { ending } : {}) };
  }

  async startRun(run: RunRecord, messages: readonly Message[]): Promise<void> {
    const { threadId, agent } = run;
    const known = this.#threads.get(threadId);
    const now = this.#now();
    const record = { createdAt: now, ...known?.record, threadId, agent, messages, interrupts: [], updatedAt: now };
    const runs = known?.runs ?? new Map<string, RunRecord>();
    for (const earlier of runs.values()) if (isActive(earlier)) runs.set(earlier.runId, over(earlier, "failed"));
    runs.set(run.runId, run);
    for (const runId of runs.keys()) if (runs.size > MAX_RUNS) runs.delete(runId);
    // Deleted first: a Map keeps the order of insertion, and the last used belongs at its end.
    this.#threads.delete(threadId);
    this.#threads.set(threadId, { record, runs });
    this.#trim();
  }

  async keepMessages(...[threadId, runId, messages, more]: Parameters<Store["keepMessages"]>): Promise<void> {
    const thread = this.#threads.get(threadId);
    if (thread?.runs.get(runId)?.status !== "active") return;
    thread.record = { ...thread.record, messages, removed: allRemoved(thread.record.removed, more) };
  }

  async endRun(threadId: string, runId: string, end: RunEnding): Promise<boolean> {
    const thread = this.#threads.get(threadId);
    const run = thread?.runs.get(runId);
    if (!thread || run?.status !== "active") return false;
    thread.runs.set(runId, over(run, end.status));
    const { messages, interrupts, refused, terminal, state = thread.record.state, drafts } = end;
    const ending = terminal && { runId, terminal };
    const removed = allRemoved(thread.record.removed, end.removed);
    const updatedAt = this.#now();
    thread.record = { ...thread.record, messages, removed, drafts, interrupts, refused, ending, state, updatedAt };
    return true;
  }

  async deleteThread(threadId: string): Promise<boolean> {
    return this.#threads.delete(threadId);
  }

  async writable(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  /** Lets the longest unused go. What is active stays, however many there are: they are bounded elsewhere. */
  #trim(): void {
    for (const [threadId, { runs }] of this.#threads) {
      if (this.#threads.size <= this.#maxThreads) return;
      if ([...runs.values()].some(isActive)) continue;
      this.#threads.delete(threadId);
      this.#forgotten(threadId);
    }
  }
}

function isActive(run: RunRecord): boolean {
  return run.status === "active";
}

function over({ input: _, ...run }: RunRecord, status: RunStatus): RunRecord {
  return { ...run, status };
}

function summary({ threadId, agent, messages, interrupts, createdAt, updatedAt }: ThreadRecord): ThreadSummary {
  return { threadId, title: titleOf(messages), agent, waiting: interrupts.length > 0, createdAt, updatedAt };
}

type Used = Pick<ThreadSummary, "threadId" | "updatedAt">;

function lastUsedFirst(a: Used, b: Used): number {
  return b.updatedAt - a.updatedAt || Buffer.compare(Buffer.from(b.threadId), Buffer.from(a.threadId));
}
