/** Threads as their clients know them: from the store, and from the active run, which the store does not know yet. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EventLog } from "../log/log.ts";
import { type Cursor, isAt } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Interrupt, type Message } from "../protocol/events.ts";
import { threadTopic } from "../protocol/ids.ts";
import type { KeptState } from "../protocol/injected.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Instances } from "../store/instances.ts";
import { EVERYBODY } from "../store/names.ts";
import {
  type BegunRun,
  isBegun,
  isHolding,
  type RunRecord,
  type Store,
  type ThreadMarks,
  type ThreadRecord,
  type ThreadSummary,
} from "../store/store.ts";
import type { ActiveRuns } from "./active-runs.ts";
import { answeringRunId } from "./answering.ts";
import { foldedRun } from "./folded-run.ts";
import { positionAfter } from "./history.ts";
import { injectElsewhere, isSame, NOTHING_RUNS } from "./injections.ts";
import { type Point, pointsOf } from "./points.ts";
import type { Run } from "./run.ts";
import { stoppedEarly } from "./run-end.ts";
import type { RunInput } from "./run-input.ts";
import type { TakeUps } from "./take-ups.ts";

/** The state of a thread, as its clients were sent it so far. */
export interface Snapshot {
  /** The messages that can no longer grow. */
  readonly messages: readonly Message[];
  /** The exposed state; `undefined` when none was sent. */
  readonly state: JsonValue | undefined;
  /** The questions that the thread waits for. */
  readonly interrupts: readonly Interrupt[];
  /** The end of its last run; `undefined` while one is active, or when there was none. */
  readonly ending: ThreadRecord["ending"];
  /** The run that is open at the cursor. */
  readonly active: { readonly runId: string } | undefined;
  /** The reports of messages that wait for the active run, and the open spans, opened again. */
  readonly open: readonly AguiEvent[];
  /** The position in the log for which all these fields hold. */
  readonly cursor: Cursor;
}

/** The state of messages that were sent into a run. */
export interface Injected {
  /** The run that is to take them; `undefined` where the thread had them, and nothing runs. */
  readonly runId: string | undefined;
  readonly states: readonly KeptState[];
}

/** A thread in a list. */
export interface ListedThread extends ThreadSummary {
  /** A run is active on it. */
  readonly active: boolean;
}

/** The outcome of the last run that ended. */
export interface LastRun {
  readonly runId: string;
  readonly outcome: "success" | "interrupt" | "cancelled" | "error";
  /** The error's code. */
  readonly code?: string;
}

/** A run in a list of its thread's. */
export interface RunSummary extends Pick<BegunRun, "runId" | "agent" | "status" | "outcome" | "startedAt" | "from"> {
  /** Its end can be read. */
  readonly over: boolean;
}

export interface ThreadsOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly instances: Instances;
  readonly active: Pick<ActiveRuns, "confirmed" | "handedOver">;
  readonly takeUps: Pick<TakeUps, "of">;
}

export class Threads {
  readonly #store: Store;
  readonly #log: EventLog;
  readonly #instances: Instances;
  readonly #active: ThreadsOptions["active"];
  readonly #takeUps: ThreadsOptions["takeUps"];

  constructor({ store, log, instances, active, takeUps }: ThreadsOptions) {
    this.#store = store;
    this.#log = log;
    this.#instances = instances;
    this.#active = active;
    this.#takeUps = takeUps;
  }

  /** The run on a thread that another process drives, or that this process is about to take over from another. */
  async elsewhere(threadId: string): Promise<BegunRun | undefined> {
    const run = this.#takeUps.of(threadId) ?? (await this.#instances.elsewhere(threadId));
    return run && isBegun(run) ? run : undefined;
  }

  /** Is this run, which this process does not drive, driven by another, or about to be taken over from another? */
  isElsewhere(run: RunRecord): boolean {
    return this.#instances.isElsewhere(run) || this.#takeUps.of(run.threadId) !== undefined;
  }

  /** Is a run active that a client knows by this id: its own, or that of the run whose questions it answers? */
  async runsAs(threadId: string, runId: string): Promise<boolean> {
    const run = (await this.#activeRun(threadId))?.plan ?? (await this.elsewhere(threadId));
    if (!run) return false;
    const answered = ("answered" in run ? run : (run.input as Pick<RunInput, "answered">)).answered.map(({ id }) => id);
    return run.runId === runId || (answered.length > 0 && run.runId === answeringRunId(threadId, runId, answered));
  }

  async snapshot(threadId: string): Promise<Snapshot> {
    const waitsUntil = Date.now() + BEGINS_MS;
    for (let attempt = 1; ; attempt += 1) {
      const run = await this.#activeRun(threadId);
      if (run?.begun && !run.over) return { ...run.snapshot, active: run.plan, interrupts: [], ending: undefined };
      const before = await this.#log.open(threadTopic(threadId));
      const elsewhere = run ? undefined : await this.elsewhere(threadId);
      const folded = elsewhere && (await foldedRun(this.#store, this.#log, elsewhere));
      if (folded?.begun && !folded.over) return { ...folded, active: elsewhere, interrupts: [], ending: undefined };
      const thread = await this.#store.thread(threadId);
      const cursor = await this.#log.open(threadTopic(threadId));
      const { messages = [], state, interrupts = [], ending } = thread ?? {};
      // The run's row says that it is active, and its `RUN_STARTED` is on its way into the log.
      const begins = run ? !run.over : elsewhere?.status === "active" && (folded ? !folded.begun : cursor.offset === 0);
      if (begins && Date.now() < waitsUntil) {
        await sleep(Math.min(LOOK_MS * 2 ** (attempt - 1), MAX_LOOK_MS));
        continue;
      }
      // The log no longer reaches back to the beginning of a run that is under way.
      const isCut = !folded && elsewhere?.status === "active" && cursor.offset > 0;
      if (isCut && (attempt >= LOOKS || isAt(before, cursor))) {
        return { messages, state, interrupts: [], ending: undefined, active: elsewhere, open: [], cursor };
      }
      // A run may have begun or ended between the looks at the store and at the log.
      if (!isAt(before, cursor) || (!run && (await this.#activeRun(threadId)))) continue;
      return { messages, state, interrupts, ending: begins ? undefined : ending, active: undefined, open: [], cursor };
    }
  }

  /** The messages, including the unfinished ones of an active run. `undefined`: there is no such thread. */
  async messages(threadId: string): Promise<readonly Message[] | undefined> {
    const run = await this.#activeRun(threadId);
    if (run) return run.messages;
    const elsewhere = await this.elsewhere(threadId);
    const folded = elsewhere && (await foldedRun(this.#store, this.#log, elsewhere));
    return folded?.all ?? (await this.#store.thread(threadId))?.messages;
  }

  /**
   * Sends messages into the active run. A message that the thread has already changes nothing.
   * @throws SluiceError `not_found` when nothing runs; what `Injections.add` throws.
   */
  async inject(threadId: string, messages: readonly Message[]): Promise<Injected> {
    const active = await this.#active.confirmed(threadId);
    const run = active?.run;
    const isLeaving = () => this.#active.handedOver.includes(threadId);
    if (run && !run.ended) {
      const states = await inTurn(messages, (one) => run.inject(one)).catch(unless(isLeaving));
      if (states) return { runId: run.plan.runId, states };
    }
    if (active && isLeaving()) {
      await active.done;
      return this.inject(threadId, messages);
    }
    const known = (await this.messages(threadId)) ?? [];
    const elsewhere = run ? undefined : await this.elsewhere(threadId);
    if (elsewhere) {
      const keep = (one: Message) => injectElsewhere(this.#store.injected, elsewhere, known, one);
      const isOutdated = async () => ((await this.elsewhere(threadId))?.fence ?? elsewhere.fence) !== elsewhere.fence;
      const states = await inTurn(messages, keep).catch(unless(isOutdated));
      if (!states) return this.inject(threadId, messages);
      await this.#instances.ask(threadId, "inject");
      return { runId: elsewhere.runId, states };
    }
    const isKnown = (message: Message) => known.some((one) => one.id === message.id && isSame(one, message));
    if (!messages.every(isKnown)) throw new SluiceError("not_found", NOTHING_RUNS);
    return { runId: undefined, states: messages.map(({ id: messageId }) => ({ messageId, state: "taken" })) };
  }

  /** The questions that the thread waits for, the agent that asked, and whether the last run failed or was cancelled. */
  async waiting(threadId: string) {
    const { agent, interrupts = [], ending } = (await this.#store.threadStatus(threadId)) ?? {};
    return { agent, interrupts, stopped: stoppedEarly(ending?.terminal) !== undefined };
  }

  /** The beginning of the run that this position lies in; `undefined` when no such run is known. */
  async runAt(threadId: string, position: Cursor): Promise<Cursor | undefined> {
    const runs = await this.#store.runs(threadId);
    return runs.findLast(({ from }) => from.epoch === position.epoch && from.offset <= position.offset)?.from;
  }

  /** The thread's runs, the last first. */
  async runs(threadId: string): Promise<RunSummary[]> {
    const active = await this.#activeRun(threadId);
    const runs = await this.#store.runs(threadId);
    return [...runs].reverse().map((run) => {
      const { runId, agent, status, outcome, startedAt, from } = run;
      const over = active?.plan.runId === runId ? active.over : !(isHolding(run) && this.isElsewhere(run));
      return { runId, agent, status, ...(outcome ? { outcome } : {}), startedAt, from, over };
    });
  }

  /** The messages of the thread before a run, as far as they still hold. */
  async before(threadId: string, runId: string): Promise<readonly Message[]> {
    const [thread, runs] = await Promise.all([this.#store.thread(threadId), this.#store.runs(threadId)]);
    const run = runs.find((begun) => begun.runId === runId);
    if (!thread || !run) return [];
    return thread.messages.slice(0, positionAfter(run.beginsAfter, thread.messages, thread.removed) ?? 0);
  }

  /** The points that a run may go back to, the latest first, and the messages that they lie in. */
  async points(threadId: string): Promise<{ readonly points: Point[]; readonly messages: readonly Message[] }> {
    const [thread, runs] = await Promise.all([this.#store.thread(threadId), this.#store.runs(threadId)]);
    return { points: pointsOf(thread, runs), messages: thread?.messages ?? [] };
  }

  /** The end of the thread's last run; `undefined` before the first end. */
  async lastRun(threadId: string): Promise<LastRun | undefined> {
    const { ending } = (await this.#store.threadStatus(threadId)) ?? {};
    return ending && { runId: ending.runId, ...outcomeOf(ending.terminal) };
  }

  /** The number of graph events that the allow-list refused, by name: in the active run, or in the last. */
  async refused(threadId: string): Promise<Readonly<Record<string, number>>> {
    const run = await this.#activeRun(threadId);
    if (run) return Object.fromEntries(run.figures.refused);
    return (await this.#store.threadStatus(threadId))?.refused ?? {};
  }

  /** The threads that were used last; those after an earlier page's `next` when it is given as `before`. */
  async list(limit: number, before?: string, owner = EVERYBODY): Promise<{ threads: ListedThread[]; next?: string }> {
    const page = await this.#store.threads(limit, before, owner);
    const elsewhere = await this.#instances.heldElsewhere(page.threads.map(({ threadId }) => threadId));
    return { ...page, threads: await Promise.all(page.threads.map((thread) => this.#listed(thread, elsewhere))) };
  }

  /** One of a list. `undefined`: there is no such thread. */
  async listed(threadId: string): Promise<ListedThread | undefined> {
    const thread = await this.#store.threadSummary(threadId);
    return thread && this.#listed(thread, await this.#instances.heldElsewhere([threadId]));
  }

  /** Names a thread, or archives it. `false` when there is no such thread. */
  mark(threadId: string, marks: ThreadMarks): Promise<boolean> {
    return this.#store.markThread(threadId, marks);
  }

  /** The run that this process drives on a thread. */
  async #activeRun(threadId: string): Promise<Run | undefined> {
    return (await this.#active.confirmed(threadId))?.run;
  }

  async #listed(thread: ThreadSummary, elsewhere: ReadonlySet<string>): Promise<ListedThread> {
    const run = await this.#activeRun(thread.threadId);
    const isElsewhere = elsewhere.has(thread.threadId) || this.#takeUps.of(thread.threadId) !== undefined;
    return { ...thread, active: run ? !run.over : isElsewhere };
  }
}

/** The most attempts to read a thread that changes meanwhile. */
const LOOKS = 5;

/** Milliseconds in which the beginning of an active run should come into the log. */
const BEGINS_MS = 2_000;

/** Milliseconds between two looks for it: first, and at most. Each pause is twice as long as the one before. */
const LOOK_MS = 20;
const MAX_LOOK_MS = 320;

/** An error counts for nothing when the run has another owner by now: that one is asked. */
function unless(changedHands: () => boolean | Promise<boolean>): (error: unknown) => Promise<undefined> {
  return async (error) => {
    if (!(await changedHands())) throw error;
  };
}

async function inTurn<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}

function outcomeOf(terminal: AguiEvent): Omit<LastRun, "runId"> {
  if (terminal.type === EventType.RUN_ERROR) {
    return { outcome: "error", ...(terminal.code === undefined ? {} : { code: terminal.code }) };
  }
  const outcome = terminal.type === EventType.RUN_FINISHED ? terminal.outcome?.type : undefined;
  return { outcome: outcome === "interrupt" || outcome === "cancelled" ? outcome : "success" };
}
