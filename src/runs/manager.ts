/**
 * The run manager: admits runs, keeps one active run a thread, and lets anybody attach to, follow or cancel it. A run
 * belongs to its thread, not to the socket that started it.
 */
import { latestCheckpoint } from "../graph/checkpoints.ts";
import type { Registry, ServedAgent } from "../graph/registry.ts";
import type { StreamVersion } from "../graph/source.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Message, RunAgentInput } from "../protocol/events.ts";
import { graphTopic, threadTopic } from "../protocol/ids.ts";
import type { RunRecord, Store } from "../store/store.ts";
import type { RunEnd } from "../translate/translator.ts";
import { beginning, bodyHash } from "./admission.ts";
import { Audiences } from "./audiences.ts";
import type { RunHandle, StartRequest } from "./handle.ts";
import { freshOf } from "./history.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { type Active, makeRoom } from "./make-room.ts";
import { type LeftRun, takeUp } from "./recovery.ts";
import { Run } from "./run.ts";
import { STATUS, stillOpen } from "./run-end.ts";
import { planFor, type RunInput, runInput } from "./run-input.ts";
import type { RunOutcome } from "./run-plan.ts";
import { type Surroundings, settingOf } from "./setting.ts";
import { Threads } from "./threads.ts";

export interface RunManagerOptions extends Surroundings {
  readonly registry: Registry;
  readonly log: EventLog;
  readonly store: Store;
  readonly version: StreamVersion;
  /** The most runs active at once; one more is refused with `overloaded`. */
  readonly maxActiveRuns: number;
  /** Hears of every run that ended, with what went wrong if something did. */
  readonly ended: (run: Run, end: RunEnd, cause: unknown) => void;
}

/** The most starts that may wait for one thread. */
const MAX_WAITING = 16;

export class RunManager {
  readonly #options: RunManagerOptions;
  readonly #active = new Map<string, Active>();
  readonly #audiences = new Audiences((threadId) => this.cancel(threadId));
  readonly #admission = new KeyedLock();
  /** What clients know of threads, those with an active run included. */
  readonly threads: Threads;
  /** Starts that are being admitted: what closes has to wait for them too. */
  readonly #starting = new Map<Promise<unknown>, RunAgentInput>();
  #recovering: Promise<unknown> | undefined;
  /** The threads of runs that have a place and are not active yet. */
  readonly #beginning = new Set<string>();
  #fence = 0;
  #closing = false;
  /** The grace of closing is over. */
  #stopping = false;

  constructor(options: RunManagerOptions) {
    this.#options = options;
    this.threads = new Threads(options.store, options.log, (threadId) => this.#active.get(threadId)?.run);
  }

  /**
   * Starts a run, or attaches to it when the same body came before under this runId.
   * @throws SluiceError `thread_busy`, `run_conflict`, `interrupt_pending`, `bad_request`, `not_found` (agent),
   * `overloaded`, `draining`.
   */
  async start(request: StartRequest): Promise<RunHandle> {
    await this.#recovering;
    const { threadId, runId } = request.input;
    // Attaching does not wait in the line of those who want a run of their own.
    const agent = this.#options.registry.get(request.agent);
    const attached = this.#attach(threadId, runId, bodyHash(agent.name, request.input));
    if (attached) return attached;
    if (this.#admission.waiting(threadId) >= MAX_WAITING) throw new SluiceError("overloaded");
    // Two starts on one thread must not both find it idle.
    const starting = this.#admission.hold(threadId, () => this.#admit(request));
    this.#starting.set(starting, request.input);
    return starting.finally(() => this.#starting.delete(starting));
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
    const left = takeUp(this.#options, (agent, run, messages, input) =>
      // Nobody follows yet, and clients need a while to find their way back.
      this.#launch(agent, run, messages, { ...input, detached: true }),
    );
    this.#recovering = left;
    return left;
  }

  /** Forgets a thread for good: what it was told, what its graphs remember, and its log. An active run is cancelled. */
  async delete(threadId: string): Promise<boolean> {
    this.cancel(threadId);
    return this.#admission.hold(threadId, async () => {
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
    this.#closing = true;
    const stop = () => {
      this.#stopping = true;
      for (const { run } of this.#active.values()) run.stop(new SluiceError("draining"));
    };
    const timer = setTimeout(stop, graceMs);
    hurry.addEventListener("abort", stop);
    if (hurry.aborted) stop();
    while (this.#starting.size > 0 || this.#active.size > 0) {
      await Promise.allSettled([...this.#starting.keys(), ...[...this.#active.values()].map((active) => active.done)]);
    }
    hurry.removeEventListener("abort", stop);
    clearTimeout(timer);
  }

  /** Admits nothing more, and ends at once what the next process will not take up. */
  async abandon(): Promise<void> {
    this.#closing = true;
    const ended = [...this.#active.values()].filter(({ handle }) => !handle.agent.recover);
    for (const { run } of ended) run.stop(new SluiceError("owner_lost"));
    await Promise.allSettled(ended.map(({ done }) => done));
  }

  async #admit(request: StartRequest): Promise<RunHandle> {
    const { threadId, runId } = request.input;
    const agent = this.#options.registry.get(request.agent);
    const hash = bodyHash(agent.name, request.input);
    const attached = this.#attach(threadId, runId, hash) ?? (await this.#attachEnded(agent, threadId, runId, hash));
    if (attached) return attached;
    await makeRoom(agent, this.#active.get(threadId), this.#audiences);
    if (request.signal?.aborted) throw new SluiceError("cancelled");
    if (this.#closing) throw new SluiceError("draining");
    if (this.#active.size + this.#beginning.size >= this.#options.maxActiveRuns) throw new SluiceError("overloaded");
    this.#beginning.add(threadId);
    try {
      return await this.#begin(agent, request, hash);
    } finally {
      this.#beginning.delete(threadId);
    }
  }

  async #begin(agent: ServedAgent, request: StartRequest, hash: string): Promise<RunHandle> {
    const { store, contextOf } = this.#options;
    const { threadId, runId } = request.input;
    const [thread, earlier] = await Promise.all([store.thread(threadId), store.runs(threadId)]);
    const start = beginning(agent, request.input, thread, earlier);
    const checkpoint = await latestCheckpoint(agent.graph, threadId);
    const named = { threadId, runId, agent: agent.name, bodyHash: hash };
    const row = {
      ...named,
      startedAt: Date.now(),
      beginsAfter: start.history.at(-1)?.id,
      checkpointBefore: start.fork?.checkpointId ?? checkpoint,
    };
    const input = runInput(request, start, await settingOf(agent, request, contextOf), checkpoint, thread);
    return this.#launch(agent, row, [...start.history, ...start.fresh], input);
  }

  /** The row with all it takes to begin it again, then `RUN_STARTED`, then the graph. */
  async #launch(
    agent: ServedAgent,
    begun: Omit<RunRecord, "status" | "from" | "input">,
    messages: readonly Message[],
    input: RunInput,
  ): Promise<RunHandle> {
    const { store, log, version, items } = this.#options;
    const { threadId, runId, bodyHash: hash } = begun;
    const [graphFrom, from] = await Promise.all([log.open(graphTopic(threadId)), log.open(threadTopic(threadId))]);
    this.#fence += 1;
    const row: RunRecord = { ...begun, status: "active", from, input };
    const plan = planFor(agent, row, messages, input, { version, fence: this.#fence, items });
    // A failure here costs nothing yet: the run's end writes it all again, and says so when it cannot.
    const run = new Run({ ...plan, graphTopic: plan.graphTopic || this.#audiences.wantsGraph(threadId) }, log, {
      keep: (told, removed) => void store.keepMessages(threadId, runId, told, removed).catch(() => {}),
      waiting: (told, removed) => freshOf(this.#starting.values(), threadId, told, removed),
    });
    await store.startRun(row, messages);
    const { detached, options } = input;
    const handle: RunHandle = { agent, threadId, runId, topic: threadTopic(threadId), over: false, from, graphFrom };
    const begins = run.begin();
    // Known before anybody can read of it: who arrives in between is told of it from its start.
    const done = begins.then(
      () => this.#drive(run, input),
      () => {}, // Whoever asked for the run hears why it could not begin.
    );
    this.#active.set(threadId, { run, handle, bodyHash: hash, detached, done });
    this.#beginning.delete(threadId);
    if (this.#stopping) run.stop(new SluiceError("draining"));
    try {
      await begins;
    } catch (error) {
      this.#active.delete(threadId);
      // A row that stays active would be attached to, and never end.
      const held = { messages: plan.history, interrupts: input.answered, state: undefined };
      await store.endRun(threadId, runId, { status: "failed", ...held, terminal: undefined, refused: {} });
      throw error;
    }
    const grace = options.graceSeconds === undefined ? undefined : options.graceSeconds * 1_000;
    this.#audiences.begin(threadId, grace ?? (detached ? agent.detachedGraceMs : agent.orphanGraceMs));
    return handle;
  }

  /** The run that is active under this id, when the body is the same. */
  #attach(threadId: string, runId: string, hash: string): RunHandle | undefined {
    const active = this.#active.get(threadId);
    if (active?.handle.runId !== runId) return undefined;
    if (active.bodyHash !== hash) throw new SluiceError("run_conflict");
    return active.handle;
  }

  /** The run that was started before under this id and is over. */
  async #attachEnded(
    agent: ServedAgent,
    threadId: string,
    runId: string,
    hash: string,
  ): Promise<RunHandle | undefined> {
    const { store, log } = this.#options;
    const earlier = await store.run(threadId, runId);
    if (!earlier) return undefined;
    if (earlier.bodyHash !== hash) throw new SluiceError("run_conflict");
    const graphFrom = await log.open(graphTopic(threadId));
    return { agent, threadId, runId, topic: threadTopic(threadId), over: true, from: earlier.from, graphFrom };
  }

  /** Never rejects, and the thread is free afterwards, whatever goes wrong. */
  async #drive(run: Run, input: RunInput): Promise<void> {
    const outcome = await run.drive();
    let { cause } = outcome;
    try {
      let ours = true;
      try {
        ours = await this.#end(run, input, outcome);
      } catch (error) {
        // The row could not be written. Clients still hear how the run ended; the operator hears of the row.
        cause = error;
      }
      if (ours) await run.finish(outcome);
    } catch (error) {
      cause = error;
    } finally {
      this.#active.delete(run.plan.threadId);
      this.#audiences.end(run.plan.threadId);
    }
    this.#options.ended(run, outcome.end, cause);
  }

  /** The row first, then the log: whoever ends the row first has the word. */
  async #end(run: Run, input: RunInput, { end, closing, cause: _, drafts, ...told }: RunOutcome): Promise<boolean> {
    const { agent, threadId, runId } = run.plan;
    const interrupts = await stillOpen(end, input, () => latestCheckpoint(agent.graph, threadId));
    const refused = Object.fromEntries(run.refused);
    const status = STATUS[end.kind];
    const terminal = closing.at(-1);
    const ended = { status, ...told, drafts: interrupts.length > 0 ? drafts : {}, interrupts, terminal, refused };
    return this.#options.store.endRun(threadId, runId, ended);
  }
}
