/** Admits runs. A run needs its turn, a thread that no other run holds, and a place among those active. */
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { RunAgentInput } from "../protocol/events.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import {
  type Admitted,
  type BegunRun,
  type Claim,
  isBegun,
  type NewRun,
  type RunRecord,
  type Store,
} from "../store/store.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Audiences } from "./audiences.ts";
import type { RunHandle } from "./handle.ts";
import { freshOf } from "./history.ts";
import { KeyedLock } from "./keyed-lock.ts";
import type { RunThread } from "./run-plan.ts";

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
  readonly active: ReadonlyMap<string, ActiveRun>;
  readonly audiences: Audiences;
  readonly maxActiveRuns: number;
  /** Ends a run that holds its thread, and that nobody drives. */
  readonly clear: (run: RunRecord) => Promise<void>;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #turns = new KeyedLock();
  /** Starts that wait for their turn, or have it. */
  readonly #starting = new Map<Promise<unknown>, RunAgentInput>();
  /** The threads of runs that have a place and are not active yet. */
  readonly #beginning = new Set<string>();
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Runs `start` when every earlier start on the thread has settled: two must not both find it idle.
   * @throws SluiceError `overloaded` when too many wait.
   */
  async inTurn<T>(input: RunAgentInput, start: () => Promise<T>): Promise<T> {
    const { threadId } = input;
    if (this.#turns.waiting(threadId) >= MAX_WAITING) throw new SluiceError("overloaded");
    const starting = this.#turns.hold(threadId, () => start().finally(() => this.#beginning.delete(threadId)));
    this.#starting.set(starting, input);
    return starting.finally(() => this.#starting.delete(starting));
  }

  /** Does `work` while nothing starts on a thread. */
  alone<T>(threadId: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.hold(threadId, work);
  }

  /**
   * The run that is active under this id.
   * @throws SluiceError `run_conflict` when something else started it.
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
  async admit(applicant: Applicant): Promise<{ claim: Claim } | { attached: RunHandle }> {
    const { store, active, clear } = this.#options;
    const { agent, bodyHash, signal, input, whenBusy = agent.whenBusy } = applicant;
    const { threadId, runId } = input;
    for (;;) {
      const attached = this.attach(applicant);
      if (attached) return { attached };
      const holder = active.get(threadId);
      const refusal = holder ? undefined : this.#refusal(threadId, signal);
      const admitted =
        holder || refusal
          ? { inTheWay: await store.run(threadId, runId) }
          : await this.#insert({ threadId, runId, agent: agent.name, bodyHash, startedAt: Date.now() });
      if ("fence" in admitted) return { claim: { threadId, runId, fence: admitted.fence } };
      const { inTheWay } = admitted;
      if (inTheWay?.runId === runId && isBegun(inTheWay))
        return { attached: await this.#attachTo(inTheWay, applicant) };
      if (refusal) throw refusal;
      if (holder) await this.#makeRoom(whenBusy, holder);
      // It holds the thread, and nobody drives it: its end could not be written.
      else if (inTheWay) await clear(inTheWay);
    }
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

  #insert(run: NewRun): Promise<Admitted> {
    this.#beginning.add(run.threadId);
    return this.#options.store.admit(run);
  }

  #refusal(threadId: string, signal: AbortSignal | undefined): SluiceError | undefined {
    const { active, maxActiveRuns } = this.#options;
    if (signal?.aborted) return new SluiceError("cancelled");
    if (this.#closed) return new SluiceError("draining");
    const beginning = [...this.#beginning].filter((other) => other !== threadId && !active.has(other));
    return active.size + beginning.length >= maxActiveRuns ? new SluiceError("overloaded") : undefined;
  }

  /** The run that was started before under this id, and is over. */
  async #attachTo({ threadId, runId, bodyHash, from }: BegunRun, { agent, ...wanted }: Applicant): Promise<RunHandle> {
    if (bodyHash !== wanted.bodyHash) throw new SluiceError("run_conflict");
    const graphFrom = await this.#options.log.open(graphTopic(threadId));
    return { agent, threadId, runId, topic: threadTopic(threadId), over: true, from, graphFrom };
  }

  /**
   * Waits for a thread to be idle, or refuses to. A run that nobody follows and that was not meant to go on alone makes
   * way: its reader pressed stop and types on.
   */
  async #makeRoom(whenBusy: ServedAgent["whenBusy"], { run, handle, detached, done }: ActiveRun): Promise<void> {
    const { audiences } = this.#options;
    const { threadId, runId } = handle;
    // A client may reconnect before its old connection is seen to close.
    if (!detached && whenBusy !== "interrupt" && !run.ended) {
      await Promise.race([done, audiences.emptied(threadId, HANG_UP_MS)]);
    }
    const abandoned = !detached && audiences.hasLeft(threadId);
    if (whenBusy === "interrupt" || abandoned) run.stop();
    else if (whenBusy === "reject" && !run.ended) {
      throw new SluiceError("thread_busy", `Run "${runId}" is active on this thread. Cancel it, or wait.`, {
        details: { runId },
      });
    }
    await done;
  }
}
