/**
 * The run manager: starts runs, and lets anybody attach to, follow or cancel them. A run belongs to its thread, not to
 * the socket that started it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isMidway, latestCheckpoint, newestCheckpoint } from "../graph/checkpoints.ts";
import type { Registry, ServedAgent } from "../graph/registry.ts";
import type { Limits } from "../limits/limits.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Wish } from "../store/instances.ts";
import { ActiveRuns, type ActiveRunsOptions, type Launch } from "./active-runs.ts";
import { Admission, type Applicant } from "./admission.ts";
import { Audiences } from "./audiences.ts";
import { beginning, bodyHash } from "./beginning.ts";
import { Deletions, type DeletionsOptions } from "./deletions.ts";
import { isOver } from "./folded-run.ts";
import { handleOf, type RunHandle, type StartRequest } from "./handle.ts";
import { clear, type LeftRun } from "./recovery.ts";
import { runInput } from "./run-input.ts";
import { type Surroundings, settingOf } from "./setting.ts";
import { TakeUps } from "./take-ups.ts";
import { Threads } from "./threads.ts";
import type { WaitingStart } from "./waiting-start.ts";

export interface RunManagerOptions extends Surroundings, Omit<ActiveRunsOptions, "audiences" | "news"> {
  readonly registry: Registry;
  readonly limits: Pick<Limits, "run" | "goesOn">;
  /** The most runs active at once; one more is refused with `overloaded`. */
  readonly maxActiveRuns: number;
  /** Is called with a run that had lost its process, and with the outcome. */
  readonly tookUp: (left: LeftRun) => void;
  readonly notDeleted: DeletionsOptions["notDeleted"];
  /** Is called when something that dead or other processes left to do failed. It is tried again. */
  readonly failed: (error: unknown) => void;
}

/** Milliseconds between two looks at runs that were handed over. */
const LOOK_MS = 500;

export class RunManager {
  readonly #options: RunManagerOptions;
  readonly #audiences: Audiences;
  readonly #admission: Admission;
  readonly #active: ActiveRuns;
  readonly #deletions: Deletions;
  readonly #takeUps: TakeUps;
  /** Threads as clients know them, those with an active run included. */
  readonly threads: Threads;
  #recovering: Promise<unknown> | undefined;

  constructor(options: RunManagerOptions) {
    const { store, log, instances, limits } = options;
    this.#options = options;
    this.#audiences = new Audiences(instances, (threadId) => this.#active.get(threadId)?.run.stop());
    this.#active = new ActiveRuns({
      ...options,
      audiences: this.#audiences,
      news: (...news) => this.#admission.news(...news),
    });
    this.#admission = new Admission({
      ...options,
      active: this.#active,
      audiences: this.#audiences,
      isDriven: (run) => this.threads.isElsewhere(run),
      clear: (run) => clear(options, run),
    });
    const driven = { admission: this.#admission, active: this.#active, audiences: this.#audiences };
    this.#deletions = new Deletions({ ...options, ...driven });
    this.#takeUps = new TakeUps({
      ...options,
      deletions: this.#deletions,
      again: async (agent, claim, begun, messages, input) => {
        await this.#active.launch({ ...begun, agent, claim, messages, input });
        const active = this.#active.get(claim.threadId);
        if (active) void active.done.then(limits.goesOn(active.run.plan));
      },
    });
    this.threads = new Threads({ store, log, instances, active: this.#active, takeUps: this.#takeUps });
  }

  /**
   * Starts a run, or attaches to it when the same body came before under this runId.
   * @throws SluiceError `thread_busy`, `run_conflict`, `interrupt_pending`, `bad_request`, `not_found` (agent),
   * `overloaded`, `rate_limited`, `draining`.
   */
  async start(request: StartRequest): Promise<RunHandle> {
    await this.#recovering;
    const { input, signal, whenBusy } = request;
    const agent = this.#options.registry.get(request.agent);
    const applicant = { agent, input, signal, whenBusy, bodyHash: await bodyHash(agent.name, input) };
    // Attaching does not wait in the queue for new runs.
    const attached = this.#admission.attach(applicant);
    if (attached) return attached;
    const leave = await this.#options.limits.run(request.requester ?? {});
    try {
      return await this.#admission.inTurn(applicant, (waiting) => this.#start(request, applicant, waiting));
    } finally {
      // Gives the place back when the run ends, or at once if it was over already or could not begin.
      const active = this.#active.get(input.threadId);
      if (active?.handle.runId === input.runId) void active.done.then(leave);
      else leave();
    }
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  agent(name: string | undefined): ServedAgent {
    return this.#options.registry.get(name);
  }

  /**
   * The run that is active on a thread, in this process or another. A run is active until its end can be read from the
   * log.
   */
  async active(threadId: string): Promise<RunHandle | undefined> {
    const active = await this.#active.confirmed(threadId);
    if (active) return active.run.over ? undefined : active.handle;
    const elsewhere = await this.threads.elsewhere(threadId);
    if (!elsewhere || (await isOver(this.#options.store, this.#options.log, elsewhere))) return undefined;
    return handleOf(this.agent(elsewhere.agent), elsewhere, false, this.#options.log);
  }

  /** The number of runs that this process drives. */
  get activeCount(): number {
    return this.#active.size;
  }

  /** The number of starts that wait for their threads, or are being admitted. */
  get startingCount(): number {
    return this.#admission.starting.length;
  }

  /** The number of threads that are followed, or have a run that may be followed. */
  get audienceCount(): number {
    return this.#audiences.size;
  }

  /** Cancels the thread's active run. `false` when there is none. Doing it twice changes nothing. */
  async cancel(threadId: string): Promise<boolean> {
    const active = await this.#active.confirmed(threadId);
    active?.run.stop();
    if (active && !active.run.over) return true;
    return this.#options.instances.ask(threadId, "cancel");
  }

  /**
   * Continues or ends the runs that an earlier process left unfinished. From then on, does the same for runs that other
   * processes leave. Call it first: starts wait for it.
   */
  recover(): Promise<void> {
    const { instances, store, failed } = this.#options;
    const hears = {
      asked: (threadId: string, wish: Wish) => void this.#asked(threadId, wish).catch(failed),
      orphaned: () => void this.#takeUps.run().catch(failed),
      lost: () => {
        for (const { run } of this.#active.all) run.stop(new SluiceError("storage_unavailable"));
      },
      failed,
    };
    const recover = async () => {
      await instances.join(hears);
      if (instances.shared) await this.#takeUps.run();
      else for (const run of await store.unfinished()) await this.#takeUps.takeUp(run);
    };
    const recovering = recover();
    this.#recovering = recovering;
    return recovering;
  }

  /** Forgets a thread for good: its messages, its graphs' checkpoints, and its log. An active run is cancelled. */
  async delete(threadId: string): Promise<boolean> {
    await this.cancel(threadId);
    return this.#deletions.delete(threadId);
  }

  /** Forgets the thread of a run for good when the run is over, and nobody reads it any more. */
  deleteAfter(threadId: string, runId: string): Promise<void> {
    return this.#deletions.afterRun({ threadId, runId });
  }

  /** Deletes the threads that were last used before this time, as `Deletions` says. Gives their number. */
  deleteUnused(since: number): Promise<number> {
    return this.#deletions.sweep(since);
  }

  /** Writes the graph topic of the thread's active run from here on. `false` when it is written already, or none is active. */
  async writeGraph(threadId: string): Promise<boolean> {
    const active = await this.#active.confirmed(threadId);
    if (active && !active.run.writeGraph()) return false;
    const asked = await this.#options.instances.ask(threadId, "graph");
    return active !== undefined || asked;
  }

  /** Registers a follower of a thread. The returned function removes this follower. */
  follow(threadId: string, graph = false): () => void {
    return this.#audiences.join(threadId, graph);
  }

  /**
   * Admits nothing more, and hands over what other processes can go on with. Waits up to `graceMs`, or until `hurry` aborts,
   * and then ends the other runs with `draining`.
   */
  async close(graceMs: number, hurry: AbortSignal = new AbortController().signal): Promise<void> {
    this.#leave();
    this.#active.leaveAll();
    const over = new AbortController();
    const stop = () => {
      over.abort();
      this.#active.stopAll(new SluiceError("draining"));
    };
    const timer = setTimeout(stop, graceMs);
    hurry.addEventListener("abort", stop);
    if (hurry.aborted) stop();
    while (this.#admission.starting.length > 0 || this.#takeUps.running || this.#active.size > 0) {
      const driven = this.#active.all.map(({ done }) => done);
      await Promise.allSettled([...this.#admission.starting, this.#takeUps.running, ...driven]);
    }
    await this.#readToEnd(over.signal);
    hurry.removeEventListener("abort", stop);
    clearTimeout(timer);
    await this.#deletions.close();
    await this.#options.instances.leave();
  }

  /** Admits nothing more, and ends at once the runs that the next process will not take up. */
  async abandon(): Promise<void> {
    this.#leave();
    const ended = this.#active.all.filter(({ handle }) => !handle.agent.recover);
    for (const { run } of ended) run.stop(new SluiceError("owner_lost"));
    await Promise.allSettled([...ended.map(({ done }) => done), this.#deletions.close()]);
    await this.#options.instances.leave();
  }

  /**
   * Not every reader can come back at another process. Readers that stay here get the runs that were handed over, up to
   * the end of each.
   */
  async #readToEnd(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const followed = this.#active.handedOver.filter((threadId) => this.#audiences.isFollowed(threadId));
      if (followed.length === 0) return;
      const goOn = await this.#options.instances.heldElsewhere(followed).catch(() => undefined);
      if (goOn?.size === 0) return;
      await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
    }
  }

  #leave(): void {
    this.#takeUps.close();
    this.#admission.close();
    void this.#options.instances.drain();
  }

  /** Starts a run. It is called when this start has its turn on the thread. */
  async #start(request: StartRequest, applicant: Applicant, waiting: WaitingStart): Promise<RunHandle> {
    const admitted = await this.#admission.admit(applicant, waiting);
    if ("attached" in admitted) return admitted.attached;
    const { claim } = admitted;
    try {
      return await this.#active.launch({ ...applicant, claim, ...(await this.#read(request, applicant)) });
    } catch (error) {
      // If withdrawing fails, the next start on the thread finds the row and clears it.
      await this.#options.store.withdraw(claim).catch(() => {});
      throw error;
    }
  }

  /**
   * Works out the beginning of the run from the request and its thread. Nothing changes the thread while the claim is
   * held.
   */
  async #read(
    request: StartRequest,
    { agent, input }: Applicant,
  ): Promise<Omit<Launch, "agent" | "claim" | "bodyHash">> {
    const { store, contextOf } = this.#options;
    const { threadId } = input;
    const [thread, earlier] = await Promise.all([store.thread(threadId), store.runs(threadId)]);
    const checkpoint = await latestCheckpoint(agent.graph, threadId);
    const goesOn = request.goesOn ? { checkpoint, midway: await isMidway(agent.graph, threadId) } : undefined;
    const start = beginning(agent, input, thread, earlier, { goesBackTo: request.goesBackTo, goesOn });
    const newest = start.input.kind === "messages" ? {} : { newest: await newestCheckpoint(agent.graph, threadId) };
    return {
      beginsAfter: start.history.at(-1)?.id,
      checkpointBefore: start.fork?.checkpointId ?? checkpoint,
      messages: [...start.history, ...start.fresh],
      temporary: request.temporary,
      input: runInput(request, start, await settingOf(agent, request, contextOf), { checkpoint, ...newest }, thread),
    };
  }

  /** Carries out a wish of another process about a run that this process drives. */
  async #asked(threadId: string, wish: Wish): Promise<void> {
    const active = this.#active.get(threadId);
    if (!active) return;
    if (wish === "cancel") active.run.stop();
    else if (wish === "graph") active.run.writeGraph();
    else if (wish === "inject") await active.run.recallInjected();
    else if (!(await this.#admission.giveWay(active))) await this.#options.instances.refused(threadId);
  }
}
