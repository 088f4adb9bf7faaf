/** Admits runs. A run needs its turn, a thread that no other run holds, and a place among those active. */
import { randomUUID } from "node:crypto";
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { RunAgentInput } from "../protocol/events.ts";
import type { Instances } from "../store/instances.ts";
import {
  type Admitted,
  type BegunRun,
  type Claim,
  isBegun,
  isHolding,
  type NewRun,
  type RunRecord,
  type Store,
} from "../store/store.ts";
import type { ActiveRun, ActiveRuns } from "./active-runs.ts";
import type { Audiences } from "./audiences.ts";
import { handleOf, type RunHandle } from "./handle.ts";
import { freshOf } from "./history.ts";
import { KeyedLock } from "./keyed-lock.ts";
import type { RunThread } from "./run-plan.ts";
import { busyWith, WaitingStart } from "./waiting-start.ts";

/** The most starts that may wait for one thread. */
const MAX_WAITING = 16;

/** Milliseconds that it may take until a closed connection is noticed. */
const HANG_UP_MS = 100;

/** A run that wants to begin. */
export interface Applicant {
  readonly agent: ServedAgent;
  readonly input: RunAgentInput;
  readonly bodyHash: string;
  /** Default: the agent's. */
  readonly whenBusy?: ServedAgent["whenBusy"] | undefined;
  /** Aborts when nobody wants the run any more. */
  readonly signal: AbortSignal | undefined;
}

export interface AdmissionOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly instances: Instances;
  readonly active: Pick<ActiveRuns, "get" | "size">;
  readonly audiences: Audiences;
  readonly maxActiveRuns: number;
  /** Does a process drive this run, which is not active in this one? */
  readonly isDriven: (run: RunRecord) => boolean;
  /** Ends a run that holds its thread, and that nobody drives. */
  readonly clear: (run: RunRecord) => Promise<void>;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #turns = new KeyedLock();
  /** Starts take their places in the order in which they came. */
  readonly #arrivals = new KeyedLock();
  /** Starts that wait for their turn, or have it. */
  readonly #starting = new Map<Promise<unknown>, RunAgentInput>();
  /** The threads of runs that have a place and are not active yet. */
  readonly #beginning = new Set<string>();
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Runs `start` when every earlier start on the thread has settled. Otherwise two starts could both find the thread
   * idle.
   * @throws SluiceError `overloaded` when too many wait.
   */
  async inTurn<T>(
    { input, signal }: Pick<Applicant, "input" | "signal">,
    start: (waiting: WaitingStart) => Promise<T>,
  ): Promise<T> {
    const { threadId } = input;
    if (this.#turns.waiting(threadId) >= MAX_WAITING) throw new SluiceError("overloaded");
    const waiting = new WaitingStart(this.#options.instances, threadId, signal);
    const placed = this.#placed(threadId, waiting);
    const turn = this.#turns.hold(threadId, async () => {
      await placed;
      return start(waiting).finally(() => this.#beginning.delete(threadId));
    });
    // One start too many is refused at once, and not when its turn comes.
    const starting = Promise.all([turn, placed]).then(([started]) => started);
    this.#starting.set(starting, input);
    return starting.finally(() => {
      this.#starting.delete(starting);
      return waiting.leave();
    });
  }

  /**
   * A start that has to wait for others of this process takes its place now, since starts of other processes may come
   * before its turn. A start that need not wait tries first. The starts after it take their places when it has one or
   * needs none.
   */
  async #placed(threadId: string, waiting: WaitingStart): Promise<void> {
    if (this.#turns.waiting(threadId) > 0 || this.#options.active.get(threadId)) {
      return this.#arrivals.hold(threadId, () => waiting.enter());
    }
    // Only the starts after this one wait for it. It never rejects.
    void this.#arrivals.hold(threadId, () => waiting.settled);
  }

  /** Does `work` while nothing starts on a thread. */
  alone<T>(threadId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.hold(threadId, work);
  }

  /**
   * Returns the run that is active under this id.
   * @throws SluiceError `run_conflict` when another body started it.
   */
  attach({ input, bodyHash }: Applicant): RunHandle | undefined {
    const active = this.#options.active.get(input.threadId);
    if (active?.handle.runId !== input.runId) return undefined;
    if (active.bodyHash !== bodyHash) throw new SluiceError("run_conflict");
    return active.handle;
  }

  /**
   * To be called in turn. Gives a claim on the run, or the run that came under this id before.
   * @throws SluiceError `thread_busy`, `run_conflict`, `overloaded`, `draining`, `cancelled`.
   */
  async admit(applicant: Applicant, waiting: WaitingStart): Promise<{ claim: Claim } | { attached: RunHandle }> {
    const { store, active, isDriven, clear } = this.#options;
    const { agent, bodyHash, signal, input, whenBusy = agent.whenBusy } = applicant;
    const { threadId, runId } = input;
    try {
      for (;;) {
        const attached = this.attach(applicant);
        if (attached) return { attached };
        const isNext = await waiting.isNext();
        const holder = active.get(threadId);
        const refusal = holder ? undefined : this.#refusal(threadId, signal);
        const admitted =
          holder || refusal || !isNext
            ? { inTheWay: await store.run(threadId, runId) }
            : await this.#insert({ threadId, runId, agent: agent.name, bodyHash, startedAt: Date.now() });
        if ("fence" in admitted) return { claim: { threadId, runId, fence: admitted.fence } };
        const { inTheWay } = admitted;
        if (inTheWay?.runId === runId && isBegun(inTheWay))
          return { attached: await this.#attachTo(inTheWay, applicant) };
        if (refusal) throw refusal;
        if (holder) await this.#makeRoom(whenBusy, holder);
        else if (!inTheWay || isDriven(inTheWay)) {
          // The same start in another process: it attaches to that run as soon as it has begun.
          await waiting.makeRoom(inTheWay?.runId === runId ? "enqueue" : whenBusy, inTheWay);
        }
        // The run holds the thread, but no process drives it: its end could not be written.
        else await clear(inTheWay);
      }
    } finally {
      await waiting.leave();
    }
  }

  /**
   * Holds a thread for its deletion, as a run would: no process admits a run meanwhile. An active run is cancelled. To
   * be called in turn.
   */
  async seize(threadId: string): Promise<Claim> {
    const { active, isDriven, clear } = this.#options;
    const waiting = new WaitingStart(this.#options.instances, threadId, undefined);
    try {
      for (;;) {
        const holder = active.get(threadId);
        holder?.run.stop();
        await holder?.done;
        const admitted = await this.#admitDeletion(threadId);
        if ("claim" in admitted) return admitted.claim;
        if (isDriven(admitted.inTheWay)) await waiting.makeRoom("interrupt", admitted.inTheWay);
        else if (!active.get(threadId)) await clear(admitted.inTheWay);
      }
    } finally {
      await waiting.leave();
    }
  }

  /** Holds a thread for its deletion, unless something else holds it. To be called in turn. */
  async reserve(threadId: string): Promise<Claim | undefined> {
    const admitted = await this.#admitDeletion(threadId);
    return "claim" in admitted ? admitted.claim : undefined;
  }

  /** The new messages of starts that wait for the thread. */
  readonly news = (threadId: string, ...[messages, removed]: Parameters<RunThread["waiting"]>) =>
    freshOf(this.#starting.values(), threadId, messages, removed);

  /** Admits nothing more. */
  close(): void {
    this.#closed = true;
  }

  /** The starts that are under way. */
  get starting(): readonly Promise<unknown>[] {
    return [...this.#starting.keys()];
  }

  async #admitDeletion(threadId: string): Promise<{ claim: Claim } | { inTheWay: RunRecord }> {
    const runId = `deletion-${randomUUID()}`;
    const run = { threadId, runId, agent: "", bodyHash: "", startedAt: Date.now() };
    const admitted = await this.#options.store.admit(run);
    return "fence" in admitted ? { claim: { threadId, runId, fence: admitted.fence } } : admitted;
  }

  async #insert(run: NewRun): Promise<Admitted> {
    this.#beginning.add(run.threadId);
    const admitted = await this.#options.store.admit(run);
    if ("inTheWay" in admitted) this.#beginning.delete(run.threadId);
    return admitted;
  }

  #refusal(threadId: string, signal: AbortSignal | undefined): SluiceError | undefined {
    const { active, maxActiveRuns } = this.#options;
    if (signal?.aborted) return new SluiceError("cancelled");
    if (this.#closed) return new SluiceError("draining");
    const beginning = [...this.#beginning].filter((other) => other !== threadId && !active.get(other));
    return active.size + beginning.length >= maxActiveRuns ? new SluiceError("overloaded") : undefined;
  }

  /** The run that was started before under this id: it is over, or another process drives it. */
  async #attachTo(run: BegunRun, { agent, bodyHash }: Applicant): Promise<RunHandle> {
    if (run.bodyHash !== bodyHash) throw new SluiceError("run_conflict");
    const over = !(isHolding(run) && this.#options.isDriven(run));
    return handleOf(agent, run, over, this.#options.log);
  }

  /**
   * Waits for a thread to be idle, or refuses to. A run that nobody follows and that was not meant to go on alone is
   * ended: its reader pressed stop and sends the next message.
   */
  async #makeRoom(whenBusy: ServedAgent["whenBusy"], active: ActiveRun): Promise<void> {
    const { run, handle, done } = active;
    if (whenBusy === "interrupt") run.stop();
    else if (!(await this.giveWay(active)) && whenBusy === "reject" && !run.ended) throw busyWith(handle);
    await done;
  }

  /** Ends a run that nobody follows any more, if it was not meant to go on alone. */
  async giveWay({ run, handle, detached, done }: ActiveRun): Promise<boolean> {
    if (detached) return false;
    const { audiences } = this.#options;
    const { threadId } = handle;
    // A client may reconnect before its old connection is seen to close.
    if (!run.ended) await Promise.race([done, audiences.emptied(threadId, HANG_UP_MS)]);
    const abandoned = await audiences.hasLeft(threadId);
    if (abandoned) run.stop();
    return abandoned;
  }
}
