/** The store of a process that keeps nothing on disk. */
import type { Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { Deletions } from "./deletions.ts";
import { MemoryInjected } from "./injected.ts";
import { pageOf, parsePlace, titleOf } from "./listing.ts";
import { EVERYBODY, MemoryNames } from "./names.ts";
import { MemoryShares } from "./shares.ts";
import {
  type Admitted,
  type BegunRun,
  type Claim,
  isBegun,
  isHolding,
  MAX_RUNS,
  type NewRun,
  type RunBeginning,
  type RunEnding,
  type RunRecord,
  type RunStatus,
  type Store,
  type ThreadMarks,
  type ThreadPage,
  type ThreadRecord,
  type ThreadStatus,
  type ThreadSummary,
} from "./store.ts";
import { MemoryTickets, type Tickets } from "./tickets.ts";
import { allRemoved } from "./tombstones.ts";

interface Thread {
  /** Made when its first run begins. */
  record: ThreadRecord | undefined;
  readonly runs: Map<string, RunRecord>;
}

export class MemoryStore extends MemoryNames implements Store {
  readonly engine = "memory";
  readonly tickets: Tickets;
  readonly injected: MemoryInjected;
  readonly shares: MemoryShares;
  readonly deletions: Deletions = {
    idle: (unusedSince, limit) => this.#idle(unusedSince, limit),
    begin: (claim, unusedSince) => this.#beginDeletion(claim, unusedSince),
    erase: (threadId) => this.#erase(threadId),
  };
  readonly #threads = new Map<string, Thread>();
  readonly #maxThreads: number;
  readonly #forgotten: (threadId: string) => void;
  readonly #now: () => number;
  /** Fences keep growing after a restart, because a log may outlive the process. */
  #fence = 0;

  /**
   * Keeps the `maxThreads` threads that were used last. `forgotten` is called with each thread that is dropped, so that
   * everything else that belongs to it can be dropped too.
   */
  constructor(maxThreads: number, forgotten: (threadId: string) => void, now: () => number = Date.now) {
    // As many threads again may have a name and not exist yet.
    super(2 * maxThreads);
    this.tickets = new MemoryTickets(now);
    this.injected = new MemoryInjected((claim) => this.#held(claim, "active") !== undefined);
    this.shares = new MemoryShares((threadId) => this.#threads.get(threadId)?.record !== undefined, now);
    this.#maxThreads = maxThreads;
    this.#forgotten = forgotten;
    this.#now = now;
  }

  override hasThread(threadId: string): boolean {
    return this.#threads.has(threadId);
  }

  async thread(threadId: string): Promise<ThreadRecord | undefined> {
    return this.#threads.get(threadId)?.record;
  }

  async run(threadId: string, runId: string): Promise<RunRecord | undefined> {
    return this.#threads.get(threadId)?.runs.get(runId);
  }

  async runs(threadId: string): Promise<readonly BegunRun[]> {
    return [...(this.#threads.get(threadId)?.runs.values() ?? [])].filter(isBegun);
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    const left = [...this.#threads.values()].flatMap(({ runs }) => {
      const all = [...runs.values()];
      const holding = all.filter(isHolding);
      return holding.length > 0 ? holding : all.filter(({ temporary }) => temporary);
    });
    return left.sort((a, b) => a.fence - b.fence);
  }

  async threads(limit: number, before?: string, owner = EVERYBODY): Promise<ThreadPage> {
    const place = before === undefined ? undefined : parsePlace(before);
    const found = [...this.#threads.values()]
      .flatMap(({ record }) => (record && this.isOf(record.threadId, owner) ? [summary(record)] : []))
      .sort(lastUsedFirst)
      .filter((thread) => place === undefined || lastUsedFirst(place, thread) < 0);
    return pageOf(found, limit);
  }

  async threadSummary(threadId: string): Promise<ThreadSummary | undefined> {
    const record = this.#threads.get(threadId)?.record;
    return record && summary(record);
  }

  async threadStatus(threadId: string): Promise<ThreadStatus | undefined> {
    const record = this.#threads.get(threadId)?.record;
    if (!record) return undefined;
    const { agent, interrupts, refused, ending } = record;
    return { agent, interrupts, ...(refused ? { refused } : {}), ...(ending ? { ending } : {}) };
  }

  async markThread(threadId: string, { name, archived }: ThreadMarks): Promise<boolean> {
    const thread = this.#threads.get(threadId);
    if (!thread?.record) return false;
    const { archived: before, ...record } = thread.record;
    const marks = {
      ...(name === undefined ? {} : { name }),
      ...((archived ?? before) ? { archived: true as const } : {}),
    };
    thread.record = { ...record, ...marks };
    return true;
  }

  async admit(run: NewRun): Promise<Admitted> {
    const thread = this.#threads.get(run.threadId) ?? { record: undefined, runs: new Map<string, RunRecord>() };
    const inTheWay = thread.runs.get(run.runId) ?? [...thread.runs.values()].find(isHolding);
    if (inTheWay) return { inTheWay };
    this.#fence = Math.max(this.#fence + 1, Date.now());
    thread.runs.set(run.runId, { ...run, status: "admitted", fence: this.#fence });
    this.#threads.set(run.threadId, thread);
    return { fence: this.#fence };
  }

  async withdraw(claim: Claim): Promise<void> {
    const { thread, run } = this.#held(claim, "admitted", "deleting") ?? {};
    if (!thread || !run) return;
    thread.runs.delete(run.runId);
    if (!thread.record && thread.runs.size === 0) this.#threads.delete(claim.threadId);
  }

  async begin(claim: Claim, beginning: RunBeginning, messages: readonly Message[]): Promise<boolean> {
    const { threadId, runId } = claim;
    const { thread, run } = this.#held(claim, "admitted", "active") ?? {};
    if (!thread || !run) return false;
    const { agent } = run;
    const { record, runs } = thread;
    const now = this.#now();
    thread.record = { createdAt: now, ...record, threadId, agent, messages, interrupts: [], updatedAt: now };
    runs.set(runId, { ...run, ...beginning, soFar: undefined, status: "active" });
    for (const earlier of runs.keys()) if (runs.size > MAX_RUNS) runs.delete(earlier);
    // It is deleted first, because a Map keeps the order of insertion, and the last used belongs at the end.
    this.#threads.delete(threadId);
    this.#threads.set(threadId, thread);
    this.#trim();
    return true;
  }

  async takeOver(claim: Claim): Promise<Claim | undefined> {
    const { thread, run } = this.#held(claim, "admitted", "active", "ending", "deleting") ?? {};
    if (!thread || !run) return undefined;
    this.#fence = Math.max(this.#fence + 1, Date.now());
    thread.runs.set(run.runId, { ...run, fence: this.#fence });
    return { threadId: run.threadId, runId: run.runId, fence: this.#fence };
  }

  async keepMessages(...[claim, messages, beside = {}]: Parameters<Store["keepMessages"]>): Promise<void> {
    const { thread, run } = this.#held(claim, "active") ?? {};
    if (!thread?.record || !run) return;
    const { removed: more, callIds, soFar } = beside;
    thread.runs.set(run.runId, { ...run, soFar });
    const removed = allRemoved(thread.record.removed, more);
    thread.record = { ...thread.record, messages, removed, ...allCallIds(thread.record, callIds) };
  }

  async ending(claim: Claim, end: RunEnding): Promise<boolean> {
    const { thread, run } = this.#held(claim, "active") ?? {};
    if (!thread?.record || !run) return false;
    const { runId } = claim;
    this.injected.forget(claim.threadId);
    const { closing, messages, interrupts, refused, state = thread.record.state, drafts } = end;
    const { input: _, soFar: __, ...rest } = run;
    thread.runs.set(runId, { ...rest, status: "ending", closing, outcome: end.status });
    const terminal = closing.at(-1);
    const ending = terminal && { runId, terminal };
    const removed = allRemoved(thread.record.removed, end.removed);
    const updatedAt = this.#now();
    const left = { messages, removed, drafts, interrupts, refused, ending, state, updatedAt };
    thread.record = { ...thread.record, ...left, ...allCallIds(thread.record, end.callIds) };
    return true;
  }

  async ended(claim: Claim): Promise<void> {
    const { thread, run } = this.#held(claim, "ending") ?? {};
    if (!thread || !run) return;
    const { closing: _, outcome: status = run.status, ...rest } = run;
    thread.runs.set(claim.runId, { ...rest, status });
  }

  async writable(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  async #idle(unusedSince: number, limit: number): Promise<readonly string[]> {
    const idle: ThreadRecord[] = [];
    for (const { record, runs } of this.#threads.values()) {
      if (record && ![...runs.values()].some(isHolding) && (await this.#isIdle(record, unusedSince))) idle.push(record);
    }
    const order = (a: ThreadRecord, b: ThreadRecord) => lastUsedFirst(b, a);
    return idle
      .sort(order)
      .slice(0, limit)
      .map(({ threadId }) => threadId);
  }

  async #isIdle({ threadId, updatedAt, interrupts }: ThreadRecord, unusedSince: number): Promise<boolean> {
    return updatedAt < unusedSince && interrupts.length === 0 && (await this.shares.list(threadId)).length === 0;
  }

  async #beginDeletion(claim: Claim, unusedSince: number | undefined): Promise<boolean> {
    const { thread, run } = this.#held(claim, "admitted") ?? {};
    if (!thread?.record || !run) return false;
    if (unusedSince !== undefined && !(await this.#isIdle(thread.record, unusedSince))) return false;
    thread.runs.set(run.runId, { ...run, status: "deleting" });
    return true;
  }

  /** The row of a deletion stays. */
  async #erase(threadId: string): Promise<void> {
    const thread = this.#threads.get(threadId);
    const deletions = [...(thread?.runs ?? [])].filter(([, { status }]) => status === "deleting");
    if (deletions.length === 0) this.#threads.delete(threadId);
    else this.#threads.set(threadId, { record: undefined, runs: new Map(deletions) });
    this.forget(threadId);
    this.shares.forgetThread(threadId);
  }

  /** A run and its thread, if the claim is good and the run has one of these statuses. */
  #held({ threadId, runId, fence }: Claim, ...statuses: RunStatus[]): { thread: Thread; run: RunRecord } | undefined {
    const thread = this.#threads.get(threadId);
    const run = thread?.runs.get(runId);
    return thread && run && run.fence === fence && statuses.includes(run.status) ? { thread, run } : undefined;
  }

  /** Removes the threads that were not used for longest. Active threads stay: their number is limited elsewhere. */
  #trim(): void {
    for (const [threadId, { runs }] of this.#threads) {
      if (this.#threads.size <= this.#maxThreads) return;
      if ([...runs.values()].some(isHolding)) continue;
      this.#threads.delete(threadId);
      this.forget(threadId);
      this.shares.forgetThread(threadId);
      this.#forgotten(threadId);
    }
  }
}

function allCallIds({ callIds: known }: ThreadRecord, more: CallIds = {}): Pick<ThreadRecord, "callIds"> {
  return Object.keys(more).length === 0 ? {} : { callIds: { ...known, ...more } };
}

function summary({ threadId, agent, messages, interrupts, name, ...more }: ThreadRecord): ThreadSummary {
  const { archived = false, createdAt, updatedAt } = more;
  const title = name ?? titleOf(messages);
  return { threadId, title, agent, waiting: interrupts.length > 0, archived, createdAt, updatedAt };
}

type Used = Pick<ThreadSummary, "threadId" | "updatedAt">;

function lastUsedFirst(a: Used, b: Used): number {
  return b.updatedAt - a.updatedAt || Buffer.compare(Buffer.from(b.threadId), Buffer.from(a.threadId));
}
