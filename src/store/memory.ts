/** The store of a process that keeps nothing on disk. */
import type { Message } from "../protocol/events.ts";
import { pageOf, parsePlace, titleOf } from "./listing.ts";
import {
  MAX_RUNS,
  type RunRecord,
  type Store,
  type ThreadPage,
  type ThreadRecord,
  type ThreadSummary,
} from "./store.ts";

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

  async startRun(run: RunRecord, messages: readonly Message[]): Promise<void> {
    const { threadId, agent } = run;
    const known = this.#threads.get(threadId);
    const now = this.#now();
    const record = { createdAt: now, ...known?.record, threadId, agent, messages, interrupts: [], updatedAt: now };
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
    const { input: _, ...ended } = run;
    thread.runs.set(runId, { ...ended, status: end.status });
    const { messages, interrupts, refused, terminal, state = thread.record.state } = end;
    const ending = terminal && { runId, terminal };
    thread.record = { ...thread.record, messages, interrupts, refused, ending, state, updatedAt: this.#now() };
    return true;
  }

  async deleteThread(threadId: string): Promise<boolean> {
    return this.#threads.delete(threadId);
  }

  async writable(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

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

function summary({ threadId, agent, messages, interrupts, createdAt, updatedAt }: ThreadRecord): ThreadSummary {
  return { threadId, title: titleOf(messages), agent, waiting: interrupts.length > 0, createdAt, updatedAt };
}

type Used = Pick<ThreadSummary, "threadId" | "updatedAt">;

function lastUsedFirst(a: Used, b: Used): number {
  return b.updatedAt - a.updatedAt || Buffer.compare(Buffer.from(b.threadId), Buffer.from(a.threadId));
}
