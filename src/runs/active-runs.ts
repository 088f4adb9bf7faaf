/** The runs that this process drives, from their launch to their end. */
import { setTimeout as sleep } from "node:timers/promises";
import { latestCheckpoint } from "../graph/checkpoints.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Message } from "../protocol/events.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { Instances } from "../store/instances.ts";
import { type Claim, isHolding, type RunBeginning, type Store } from "../store/store.ts";
import type { RunEnd } from "../translate/translator.ts";
import type { Audiences } from "./audiences.ts";
import type { RunHandle } from "./handle.ts";
import { follows, type HandoverOptions, handOver } from "./handover.ts";
import { Run } from "./run.ts";
import { type RunOutcome, STATUS, stillOpen } from "./run-end.ts";
import type { RunInput } from "./run-input.ts";
import { type PlanSurroundings, planFor, type RunThread } from "./run-plan.ts";

/** A run that this process drives. */
export interface ActiveRun {
  readonly run: Run;
  readonly handle: RunHandle;
  readonly bodyHash: string;
  /**
   * The number of lapses of this process when the run began. After a later lapse, another process may have taken the
   * run over.
   */
  readonly lapses: number;
  /** The run goes on when nobody follows it. */
  readonly detached: boolean;
  /** Resolves when its thread is free. */
  readonly done: Promise<void>;
}

/** A run about to be launched. */
export interface Launch extends Omit<RunBeginning, "from" | "input"> {
  /** The cursor at which the run began, if another process began it. */
  readonly from?: Cursor | undefined;
  readonly agent: ServedAgent;
  readonly claim: Claim;
  readonly bodyHash: string;
  /** The transcript it begins with. */
  readonly messages: readonly Message[];
  readonly input: RunInput;
}

export interface ActiveRunsOptions extends PlanSurroundings {
  readonly log: EventLog;
  readonly store: Store;
  readonly instances: Instances;
  readonly audiences: Audiences;
  /** The new messages of starts that wait for a thread. */
  readonly news: (threadId: string, ...sent: Parameters<RunThread["waiting"]>) => readonly Message[];
  /** Is called with every run that ended, and with the cause if it failed. */
  readonly ended: (run: Run, end: RunEnd, cause: unknown) => void;
}

/** Milliseconds between two attempts to store an end while the store is away. */
const RETRY_MS = 500;

export class ActiveRuns {
  readonly #options: ActiveRunsOptions;
  readonly #active = new Map<string, ActiveRun>();
  /** Runs that another process is to go on with. */
  readonly #left = new WeakSet<Run>();
  /** The reason why every run has to end as soon as possible. */
  #stopped: SluiceError | undefined;
  /** Runs that other processes can go on with are left to them between two steps. */
  #leaving = false;
  /** The threads of those that were left so. */
  readonly #handedOver = new Set<string>();

  constructor(options: ActiveRunsOptions) {
    this.#options = options;
  }

  get(threadId: string): ActiveRun | undefined {
    return this.#active.get(threadId);
  }

  /**
   * The run on a thread, unless another process has taken it over. After a lapse only the run's row knows that.
   * @throws SluiceError `storage_unavailable` when the row is needed and cannot be read.
   */
  async confirmed(threadId: string): Promise<ActiveRun | undefined> {
    const { store, instances } = this.#options;
    const active = this.#active.get(threadId);
    if (!active || active.lapses === instances.lapses) return active;
    const row = await store.run(threadId, active.handle.runId);
    return row && isHolding(row) && !instances.isElsewhere(row) ? active : undefined;
  }

  /** The threads whose runs were left to other processes, or are being left to them. */
  get handedOver(): readonly string[] {
    return [...this.#handedOver];
  }

  get size(): number {
    return this.#active.size;
  }

  get all(): readonly ActiveRun[] {
    return [...this.#active.values()];
  }

  /**
   * Ends all runs, and those that are launched from now on. Runs that other processes can continue only stop here, and
   * no end is written.
   */
  stopAll(reason: SluiceError): void {
    this.#stopped = reason;
    for (const { run } of this.all) this.#stop(run, reason);
  }

  /** Leaves the runs that other processes can go on with to them, each when it is between two steps. */
  leaveAll(): void {
    this.#leaving = true;
    for (const { run } of this.all) this.#leave(run);
  }

  #leave(run: Run): void {
    const { instances } = this.#options;
    if (run.plan.agent.recover) run.leave(() => instances.hasSuccessor());
  }

  #stop(run: Run, reason: SluiceError): void {
    if (this.#options.instances.shared && run.plan.agent.recover && !run.ended) this.#left.add(run);
    run.stop(reason);
  }

  /** Stores the row with everything needed to begin the run again, then writes `RUN_STARTED`, then starts the graph. */
  async launch(launch: Launch): Promise<RunHandle> {
    const { store, log, instances, audiences } = this.#options;
    const { agent, claim, bodyHash, messages, input, beginsAfter, checkpointBefore, temporary } = launch;
    const { handedOver, ...kept } = input;
    const { threadId, runId } = claim;
    const topic = threadTopic(threadId);
    const { lapses } = instances;
    // Readers in a process that died may have read more of the run than the log has.
    const anew = input.takenUp === true && !handedOver;
    const [graphHead, head, followed] = await Promise.all([
      log.claim(graphTopic(threadId), claim.fence, anew),
      log.claim(topic, claim.fence, anew),
      instances.followed(threadId),
    ]);
    // The log lost what it had: as after a crash.
    if (handedOver && !follows(handedOver, head, graphHead)) {
      return this.launch({ ...launch, input: { ...kept, detached: true } });
    }
    const run = this.#runOf(launch, head, followed?.graph === true);
    const { from = head, graphFrom = graphHead } = handedOver ? launch : {};
    const beginning = { from, graphFrom, beginsAfter, checkpointBefore, temporary, input: kept };
    if (!(await store.begin(claim, beginning, messages))) {
      throw new SluiceError("owner_lost");
    }
    if (run.plan.graphTopic) await instances.ask(threadId, "graph");
    const handle: RunHandle = { agent, threadId, runId, topic, over: false, from, graphFrom };
    const begun = run.begin();
    const done = begun.then(
      () => this.#drive(run, input),
      () => {}, // The start reports why it could not begin.
    );
    // The run is registered before its `RUN_STARTED` can be read. A client that arrives in between finds it.
    this.#active.set(threadId, { run, handle, bodyHash, lapses, detached: input.detached, done });
    if (this.#leaving) this.#leave(run);
    if (this.#stopped) this.#stop(run, this.#stopped);
    try {
      await begun;
    } catch (error) {
      this.#active.delete(threadId);
      // Without an end, the row would stay active, and clients would attach to a run that never ends. Recovery ends a run
      // that it takes up, or tries again.
      if (!input.takenUp) {
        const held = { messages: run.plan.history, interrupts: input.answered, state: undefined };
        await store.ending(claim, { status: "failed", closing: [], ...held, refused: {} });
        await store.ended(claim);
      }
      throw error;
    }
    audiences.begin(threadId, graceOf(agent, input));
    return handle;
  }

  #runOf({ agent, claim, messages, input }: Launch, from: RunHandle["from"], graphFollowed: boolean): Run {
    const { store, log, instances, audiences, news } = this.#options;
    const { threadId } = claim;
    const plan = planFor(agent, claim, from, messages, input, this.#options);
    const writesGraph = plan.graphTopic || graphFollowed || audiences.wantsGraph(threadId);
    return new Run({ ...plan, graphTopic: writesGraph }, log, {
      keep: (...kept) => store.keepMessages(claim, ...kept),
      waiting: (sent, removed) => news(threadId, sent, removed),
      injected: store.injected,
      shared: instances.shared,
    });
  }

  /** Never rejects, and the thread is free afterwards, whatever goes wrong. */
  async #drive(run: Run, input: RunInput): Promise<void> {
    const { audiences, ended } = this.#options;
    const outcome = (await run.drive()) ?? (await this.#handOver(run, input));
    if (!outcome || this.#left.has(run)) {
      await run.written();
      this.#active.delete(run.plan.threadId);
      audiences.end(run.plan.threadId);
      return;
    }
    let { cause } = outcome;
    try {
      const stored = await this.#storeEnd(run, input, outcome).catch((error: unknown) => {
        // The row could not be written. Clients still see how the run ended; the operator sees the failure.
        cause = error;
        return true;
      });
      if (stored) await run.finish(outcome);
      if (run.over && (await this.#isReadable(run))) await this.#stored((store) => store.ended(run.plan));
    } catch (error) {
      cause = error;
    } finally {
      this.#active.delete(run.plan.threadId);
      audiences.end(run.plan.threadId);
    }
    ended(run, outcome.end, cause);
  }

  /** The run has stopped between two steps. Gives its end, if it was asked to end meanwhile. */
  async #handOver(run: Run, input: RunInput): Promise<RunOutcome | undefined> {
    const { threadId } = run.plan;
    this.#handedOver.add(threadId);
    const { log, instances } = this.#options;
    const stored: HandoverOptions["stored"] = (write) => this.#stored(write);
    const outcome = await handOver({ log, instances, stored }, run, input);
    if (outcome) this.#handedOver.delete(threadId);
    return outcome;
  }

  /**
   * Resolves with `true` when the other processes can read the run's end. The thread stays taken until then: its next
   * run may be in another process, and entries that are not in the log by then are lost. `false`: this process stops,
   * and another one writes the end from the row.
   */
  async #isReadable({ plan: { threadId } }: Run): Promise<boolean> {
    for (;;) {
      try {
        await Promise.all(
          [threadTopic(threadId), graphTopic(threadId)].map((topic) => this.#options.log.settled(topic)),
        );
        return true;
      } catch (error) {
        if (SluiceError.from(error).code !== "storage_unavailable") throw error;
        if (this.#stopped) return false;
      }
    }
  }

  /** The row first, then the log: the first process to store a run's end decides how the run ended. */
  #storeEnd(run: Run, input: RunInput, { end, cause: _, drafts, ...sent }: RunOutcome): Promise<boolean> {
    const { agent, threadId } = run.plan;
    const refused = Object.fromEntries(run.figures.refused);
    return this.#stored(async (store) => {
      const interrupts = await stillOpen(end, input, () => latestCheckpoint(agent.graph, threadId));
      const waits = { interrupts, drafts: end.kind === "done" ? {} : drafts };
      return store.ending(run.plan, { status: STATUS[end.kind], ...sent, ...waits, refused });
    });
  }

  /** Tries again while the store's server is away. A run whose end is not stored would count as lost. */
  async #stored<T>(write: (store: Store) => Promise<T>): Promise<T> {
    const { store } = this.#options;
    for (;;) {
      try {
        return await write(store);
      } catch (error) {
        const away = store.comesBack === true && SluiceError.from(error).code === "storage_unavailable";
        if (!away || this.#stopped) throw error;
        await sleep(RETRY_MS);
      }
    }
  }
}

/** Milliseconds that a run goes on when nobody follows it. */
function graceOf(agent: ServedAgent, { detached, options, handedOver }: RunInput): number {
  if (options.background) return Number.POSITIVE_INFINITY;
  if (options.graceSeconds !== undefined) return options.graceSeconds * 1_000;
  // Its clients need a while to find their way back.
  return detached || handedOver ? agent.detachedGraceMs : agent.orphanGraceMs;
}
