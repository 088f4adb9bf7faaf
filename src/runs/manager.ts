/**
 * The run manager: starts runs, and lets anybody attach to, follow or cancel them. A run belongs to its thread, not to
 * the socket that started it.
 */
import { latestCheckpoint } from "../graph/checkpoints.ts";
import type { Registry, ServedAgent } from "../graph/registry.ts";
import type { Limits } from "../limits/limits.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Message } from "../protocol/events.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { Claim, RunBeginning, Store } from "../store/store.ts";
import type { RunEnd } from "../translate/translator.ts";
import type { ActiveRun } from "./active-run.ts";
import { Admission, type Applicant } from "./admission.ts";
import { Audiences } from "./audiences.ts";
import { beginning, bodyHash } from "./beginning.ts";
import type { RunHandle, StartRequest } from "./handle.ts";
import { clear, type LeftRun, takeUp } from "./recovery.ts";
import { Run } from "./run.ts";
import { type RunOutcome, STATUS, stillOpen } from "./run-end.ts";
import { type RunInput, runInput } from "./run-input.ts";
import { type PlanSurroundings, planFor } from "./run-plan.ts";
import { type Surroundings, settingOf } from "./setting.ts";
import { Threads } from "./threads.ts";

export interface RunManagerOptions extends Surroundings, PlanSurroundings {
  readonly registry: Registry;
  readonly log: EventLog;
  readonly store: Store;
  readonly limits: Pick<Limits, "run">;
  /** The most runs active at once; one more is refused with `overloaded`. */
  readonly maxActiveRuns: number;
  /** Hears of every run that ended, with what went wrong if something did. */
  readonly ended: (run: Run, end: RunEnd, cause: unknown) => void;
}

/** A run about to be launched. */
interface Launch extends Omit<RunBeginning, "from" | "input"> {
  readonly agent: ServedAgent;
  readonly claim: Claim;
  readonly bodyHash: string;
  /** The transcript it begins with. */
  readonly messages: readonly Message[];
  readonly input: RunInput;
}

export class RunManager {
  readonly #options: RunManagerOptions;
  readonly #active = new Map<string, ActiveRun>();
  readonly #audiences = new Audiences((threadId) => this.cancel(threadId));
  readonly #admission: Admission;
  /** What clients know of threads, those with an active run included. */
  readonly threads: Threads;
  #recovering: Promise<unknown> | undefined;
  /** The grace of closing is over. */
  #stopping = false;

  constructor(options: RunManagerOptions) {
    this.#options = options;
    this.threads = new Threads(options.store, options.log, (threadId) => this.#active.get(threadId)?.run);
    this.#admission = new Admission({
      ...options,
      active: this.#active,
      audiences: this.#audiences,
      clear: (run) => clear(options, run),
    });
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
    const applicant = { agent, input, signal, whenBusy, bodyHash: bodyHash(agent.name, input) };
    // Attaching does not wait for the turn of starts that want a run of their own.
    const attached = this.#admission.attach(applicant);
    if (attached) return attached;
    const leave = await this.#options.limits.run(request.requester ?? {});
    try {
      return await this.#admission.inTurn(input, () => this.#start(request, applicant));
    } finally {
      // A run that was over, or could not begin, is not waited for.
      const active = this.#active.get(input.threadId);
      if (active?.handle.runId === input.runId) void active.done.then(leave);
      else leave();
    }
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  agent(name: string | undefined): ServedAgent {
    return this.#options.registry.get(name);
  }

  /** The run that is active on a thread: one whose end cannot be read yet. */
  active(threadId: string): RunHandle | undefined {
    const active = this.#active.get(threadId);
    return active?.run.over ? undefined : active?.handle;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** How many threads are followed, or have a run that may be. */
  get audienceCount(): number {
    return this.#audiences.size;
  }

  /** Cancels the thread's active run. `false` when there is none. Doing it twice changes nothing. */
  cancel(threadId: string): boolean {
    const active = this.#active.get(threadId);
    active?.run.stop();
    return active !== undefined;
  }

  /** Takes up, or ends, what a process before this one left unfinished. To be called first; starts wait for it. */
  recover(): Promise<LeftRun[]> {
    const left = takeUp(this.#options, (agent, claim, run, messages, input) =>
      // Nobody follows yet, and clients need a while to find their way back.
      this.#launch({ ...run, agent, claim, messages, input: { ...input, detached: true } }),
    );
    this.#recovering = left;
    return left;
  }

  /** Forgets a thread for good: its messages, its graphs' checkpoints, and its log. An active run is cancelled. */
  async delete(threadId: string): Promise<boolean> {
    this.cancel(threadId);
    return this.#admission.alone(threadId, async () => {
      this.cancel(threadId);
      await this.#active.get(threadId)?.done;
      return this.threads.delete(threadId, this.#options.registry);
    });
  }

  /** Writes the graph topic of the thread's active run from here on. `false` when it is written already, or none is active. */
  writeGraph(threadId: string): boolean {
    return this.#active.get(threadId)?.run.writeGraph() ?? false;
  }

  /** Says that somebody follows a thread, until the returned function is called. */
  follow(threadId: string, graph = false): () => void {
    return this.#audiences.join(threadId, graph);
  }

  /** Admits nothing more, waits up to `graceMs` (or until `hurry` aborts), then ends what still runs with `draining`. */
  async close(graceMs: number, hurry: AbortSignal = new AbortController().signal): Promise<void> {
    this.#admission.close();
    const stop = () => {
      this.#stopping = true;
      for (const { run } of this.#active.values()) run.stop(new SluiceError("draining"));
    };
    const timer = setTimeout(stop, graceMs);
    hurry.addEventListener("abort", stop);
    if (hurry.aborted) stop();
    while (this.#admission.starting.length > 0 || this.#active.size > 0) {
      await Promise.allSettled([...this.#admission.starting, ...[...this.#active.values()].map(({ done }) => done)]);
    }
    hurry.removeEventListener("abort", stop);
    clearTimeout(timer);
  }

  /** Admits nothing more, and ends at once what the next process will not take up. */
  async abandon(): Promise<void> {
    this.#admission.close();
    const ended = [...this.#active.values()].filter(({ handle }) => !handle.agent.recover);
    for (const { run } of ended) run.stop(new SluiceError("owner_lost"));
    await Promise.allSettled(ended.map(({ done }) => done));
  }

  /** In the thread's turn. */
  async #start(request: StartRequest, applicant: Applicant): Promise<RunHandle> {
    const admitted = await this.#admission.admit(applicant);
    if ("attached" in admitted) return admitted.attached;
    const { claim } = admitted;
    try {
      return await this.#launch({ ...applicant, claim, ...(await this.#read(request, applicant)) });
    } catch (error) {
      // A row that stays is found, and cleared, by the next start on the thread.
      await this.#options.store.withdraw(claim).catch(() => {});
      throw error;
    }
  }

  /** The beginning of the run: the request, read against its thread, which nothing changes while the claim is held. */
  async #read(
    request: StartRequest,
    { agent, input }: Applicant,
  ): Promise<Omit<Launch, "agent" | "claim" | "bodyHash">> {
    const { store, contextOf } = this.#options;
    const { threadId } = input;
    const [thread, earlier] = await Promise.all([store.thread(threadId), store.runs(threadId)]);
    const start = beginning(agent, input, thread, earlier);
    const checkpoint = await latestCheckpoint(agent.graph, threadId);
    return {
      beginsAfter: start.history.at(-1)?.id,
      checkpointBefore: start.fork?.checkpointId ?? checkpoint,
      messages: [...start.history, ...start.fresh],
      input: runInput(request, start, await settingOf(agent, request, contextOf), checkpoint, thread),
    };
  }

  /** The row with all it takes to begin it again, then `RUN_STARTED`, then the graph. */
  async #launch(launch: Launch): Promise<RunHandle> {
    const { store, log } = this.#options;
    const { agent, claim, bodyHash: hash, messages, input, beginsAfter, checkpointBefore } = launch;
    const { threadId, runId } = claim;
    const topic = threadTopic(threadId);
    // Readers beside a process that died may have read more of the run than the log has.
    const anew = input.attempt > 1;
    const [graphFrom, from] = await Promise.all([
      log.claim(graphTopic(threadId), claim.fence, anew),
      log.claim(topic, claim.fence, anew),
    ]);
    const run = this.#runOf(launch, from);
    if (!(await store.begin(claim, { from, beginsAfter, checkpointBefore, input }, messages))) {
      throw new SluiceError("owner_lost");
    }
    const handle: RunHandle = { agent, threadId, runId, topic, over: false, from, graphFrom };
    const begun = run.begin();
    const done = begun.then(
      () => this.#drive(run, input),
      () => {}, // The start reports why it could not begin.
    );
    // Known before anybody can read of it: a client that arrives in between gets it from its start.
    this.#active.set(threadId, { run, handle, bodyHash: hash, detached: input.detached, done });
    if (this.#stopping) run.stop(new SluiceError("draining"));
    try {
      await begun;
    } catch (error) {
      this.#active.delete(threadId);
      // A row that stays active would be attached to, and never end.
      const held = { messages: run.plan.history, interrupts: input.answered, state: undefined };
      await store.ending(claim, { status: "failed", closing: [], ...held, refused: {} });
      await store.ended(claim);
      throw error;
    }
    this.#audiences.begin(threadId, graceOf(agent, input));
    return handle;
  }

  #runOf({ agent, claim, messages, input }: Launch, from: RunHandle["from"]): Run {
    const { store, log } = this.#options;
    const { threadId } = claim;
    const plan = planFor(agent, claim, from, messages, input, this.#options);
    return new Run({ ...plan, graphTopic: plan.graphTopic || this.#audiences.wantsGraph(threadId) }, log, {
      // A failure here costs nothing yet: the run's end writes it all again, and reports when it cannot.
      keep: (...kept) => void store.keepMessages(claim, ...kept).catch(() => {}),
      waiting: (told, removed) => this.#admission.news(threadId, told, removed),
      injected: store.injected,
    });
  }

  /** Never rejects, and the thread is free afterwards, whatever goes wrong. */
  async #drive(run: Run, input: RunInput): Promise<void> {
    const { store, ended } = this.#options;
    const outcome = await run.drive();
    let { cause } = outcome;
    try {
      const stored = await this.#storeEnd(run, input, outcome).catch((error: unknown) => {
        // The row could not be written. Clients still see how the run ended; the operator sees the failure.
        cause = error;
        return true;
      });
      if (stored) await run.finish(outcome);
      if (run.over) await store.ended(run.plan);
    } catch (error) {
      cause = error;
    } finally {
      this.#active.delete(run.plan.threadId);
      this.#audiences.end(run.plan.threadId);
    }
    ended(run, outcome.end, cause);
  }

  /** The row first, then the log: the first process to store a run's end decides how the run ended. */
  async #storeEnd(run: Run, input: RunInput, { end, cause: _, drafts, ...told }: RunOutcome): Promise<boolean> {
    const { agent, threadId } = run.plan;
    const interrupts = await stillOpen(end, input, () => latestCheckpoint(agent.graph, threadId));
    const refused = Object.fromEntries(run.figures.refused);
    const waits = { interrupts, drafts: interrupts.length > 0 ? drafts : {} };
    return this.#options.store.ending(run.plan, { status: STATUS[end.kind], ...told, ...waits, refused });
  }
}

/** Milliseconds that a run goes on when nobody follows it. */
function graceOf(agent: ServedAgent, { detached, options }: RunInput): number {
  if (options.background) return Number.POSITIVE_INFINITY;
  if (options.graceSeconds !== undefined) return options.graceSeconds * 1_000;
  return detached ? agent.detachedGraceMs : agent.orphanGraceMs;
}
