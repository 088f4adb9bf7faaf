/**
 * The run manager: admits runs, keeps one active run a thread, and lets anybody attach to, follow or cancel it. A run
 * belongs to its thread, not to the socket that started it.
 */
import { latestCheckpoint } from "../graph/checkpoints.ts";
import type { Registry, ServedAgent } from "../graph/registry.ts";
import type { StreamVersion } from "../graph/source.ts";
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { AguiEvent, Interrupt, Message, RunAgentInput } from "../protocol/events.ts";
import { graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import { narrowingTo, parseRunOptions } from "../protocol/input.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { RunStatus, Store } from "../store/store.ts";
import type { RunEnd } from "../translate/translator.ts";
import { beginning, bodyHash } from "./admission.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { Run, type RunOutcome } from "./run.ts";

export interface RunManagerOptions {
  readonly registry: Registry;
  readonly log: EventLog;
  readonly store: Store;
  readonly version: StreamVersion;
  /** The most runs active at once; one more is refused with `overloaded`. */
  readonly maxActiveRuns: number;
  /** How long a run goes on when nobody follows it any more, in milliseconds. */
  readonly orphanGraceMs: number;
  /** Hears of every run that ended, with what went wrong if something did. */
  readonly ended: (run: Run, end: RunEnd, cause: unknown) => void;
}

export interface StartRequest {
  /** The agent's name; the first agent when absent. */
  readonly agent: string | undefined;
  readonly input: RunAgentInput;
  /** The starter wants the graph topic written. */
  readonly graphTopic?: boolean;
}

/** Where to find a run in the log. */
export interface RunHandle {
  readonly agent: ServedAgent;
  readonly threadId: string;
  readonly runId: string;
  readonly topic: Topic;
  /** The position before the run's `RUN_STARTED`. */
  readonly from: Cursor;
  /** The same for the graph topic. */
  readonly graphFrom: Cursor;
}

/** What a thread's clients were told so far. */
export interface Snapshot {
  /** The messages nothing can be added to any more. */
  readonly messages: readonly Message[];
  /** The exposed state; `undefined` when none was told. */
  readonly state: JsonValue | undefined;
  /** What is open, opened again. */
  readonly open: readonly AguiEvent[];
  /** The position that all this is true for. */
  readonly cursor: Cursor | undefined;
}

interface Active {
  readonly run: Run;
  readonly handle: RunHandle;
  readonly bodyHash: string;
  readonly done: Promise<void>;
}

/** Who follows a thread, and the timer that runs when nobody does any more. */
interface Audience {
  followers: number;
  orphaned?: NodeJS.Timeout;
}

const STATUS: Record<RunEnd["kind"], RunStatus> = {
  done: "done",
  interrupted: "interrupted",
  cancelled: "cancelled",
  failed: "failed",
};

export class RunManager {
  readonly #options: RunManagerOptions;
  readonly #active = new Map<string, Active>();
  readonly #audiences = new Map<string, Audience>();
  readonly #admission = new KeyedLock();
  #fence = 0;
  #closing = false;

  constructor(options: RunManagerOptions) {
    this.#options = options;
  }

  /**
   * Starts a run, or attaches to it when the same body came before under this runId.
   * @throws SluiceError `thread_busy`, `run_conflict`, `interrupt_pending`, `bad_request`, `not_found` (agent),
   * `overloaded`, `draining`.
   */
  start(request: StartRequest): Promise<RunHandle> {
    // Two starts on one thread must not both find it idle.
    return this.#admission.hold(request.input.threadId, () => this.#admit(request));
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  agent(name: string | undefined): ServedAgent {
    return this.#options.registry.get(name);
  }

  /** The run that is active on a thread. */
  active(threadId: string): RunHandle | undefined {
    return this.#active.get(threadId)?.handle;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** Cancels the thread's active run. `false` when there is none. Doing it twice changes nothing. */
  cancel(threadId: string): boolean {
    const active = this.#active.get(threadId);
    active?.run.stop();
    return active !== undefined;
  }

  /**
   * Says that somebody follows a thread, until the returned function is called. When the last one has left, the
   * thread's run goes on for `orphanGraceMs` and is then cancelled: pressing stop in a chat over SSE says no more than
   * that the reader is gone.
   */
  follow(threadId: string): () => void {
    const audience = this.#audiences.get(threadId) ?? { followers: 0 };
    this.#audiences.set(threadId, audience);
    audience.followers += 1;
    clearTimeout(audience.orphaned);
    let following = true;
    return () => {
      if (!following) return;
      following = false;
      audience.followers -= 1;
      if (audience.followers > 0) return;
      if (this.#active.has(threadId)) {
        audience.orphaned = setTimeout(() => this.cancel(threadId), this.#options.orphanGraceMs);
      } else this.#audiences.delete(threadId);
    };
  }

  /** What a thread's clients were told so far: its messages, what is open, and the position that this is true for. */
  async snapshot(threadId: string): Promise<Snapshot> {
    const active = this.#active.get(threadId);
    if (active) return active.run.snapshot;
    const [thread, cursor] = await Promise.all([
      this.#options.store.thread(threadId),
      this.#options.log.head(threadTopic(threadId)),
    ]);
    return { messages: thread?.messages ?? [], state: thread?.state, open: [], cursor };
  }

  /** A thread's messages as its clients know them; those of an active run with what they said so far. */
  async messages(threadId: string): Promise<readonly Message[] | undefined> {
    const active = this.#active.get(threadId);
    return active ? active.run.messages : (await this.#options.store.thread(threadId))?.messages;
  }

  /** What the thread waits for. */
  async interrupts(threadId: string): Promise<readonly Interrupt[]> {
    return (await this.#options.store.thread(threadId))?.interrupts ?? [];
  }

  /** Admits nothing more, waits up to `graceMs` for the active runs, then ends the rest with `draining`. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const done = Promise.all([...this.#active.values()].map((active) => active.done));
    const timer = setTimeout(() => {
      for (const { run } of this.#active.values()) run.stop(new SluiceError("draining"));
    }, graceMs);
    await done;
    clearTimeout(timer);
  }

  async #admit({ agent: name, input, graphTopic: wantsGraph = false }: StartRequest): Promise<RunHandle> {
    const { registry, store, log, version, maxActiveRuns } = this.#options;
    if (this.#closing) throw new SluiceError("draining");
    const agent = registry.get(name);
    const { threadId, runId } = input;
    const hash = bodyHash(agent.name, input);
    const attached = await this.#attach(agent, threadId, runId, hash);
    if (attached) return attached;
    if (this.#active.size >= maxActiveRuns) throw new SluiceError("overloaded");

    const [thread, earlier] = await Promise.all([store.thread(threadId), store.runs(threadId)]);
    const start = beginning(agent, input, thread, earlier);
    const checkpointBefore = start.fork?.checkpointId ?? (await latestCheckpoint(agent.graph, threadId));
    const { events, tokens = true, reasoning = true } = parseRunOptions(input);
    this.#fence += 1;
    const run = new Run(
      {
        agent,
        threadId,
        runId,
        ...start,
        offered: { tools: input.tools ?? [], context: input.context ?? [] },
        allowList: agent.allowList.narrow(narrowingTo(events)),
        tokens: agent.tokens && tokens,
        reasoning: agent.reasoning && reasoning,
        graphTopic: agent.graphTopic || wantsGraph,
        version,
        fence: this.#fence,
      },
      log,
    );
    const graphFrom = (await log.head(graphTopic(threadId))) ?? { epoch: "", offset: 0 };
    const before = (await log.head(threadTopic(threadId))) ?? { epoch: "", offset: 0 };
    await store.startRun({
      threadId,
      runId,
      agent: agent.name,
      bodyHash: hash,
      status: "active",
      from: before,
      startedAt: Date.now(),
      historyLength: start.history.length,
      checkpointBefore,
    });
    const from = await run.begin();
    const handle: RunHandle = { agent, threadId, runId, topic: threadTopic(threadId), from, graphFrom };
    this.#active.set(threadId, {
      run,
      handle,
      bodyHash: hash,
      done: this.#drive(run),
    });
    return handle;
  }

  /** The handle of a run that was started before under this id. */
  async #attach(agent: ServedAgent, threadId: string, runId: string, hash: string): Promise<RunHandle | undefined> {
    let active = this.#active.get(threadId);
    if (active?.run.ended) {
      // Its clients may have read the end already; it only has to leave.
      await active.done;
      active = undefined;
    }
    if (active && active.handle.runId !== runId) {
      throw new SluiceError(
        "thread_busy",
        `Run "${active.handle.runId}" is active on this thread. Cancel it, or wait.`,
        {
          details: { runId: active.handle.runId },
        },
      );
    }
    const earlier = active ?? (await this.#options.store.run(threadId, runId));
    if (!earlier) return undefined;
    if (earlier.bodyHash !== hash) throw new SluiceError("run_conflict");
    if ("handle" in earlier) return earlier.handle;
    const graphFrom = (await this.#options.log.head(graphTopic(threadId))) ?? { epoch: "", offset: 0 };
    return { agent, threadId, runId, topic: threadTopic(threadId), from: earlier.from, graphFrom };
  }

  async #drive(run: Run): Promise<void> {
    const outcome = await run.drive();
    let { cause } = outcome;
    let ours = true;
    try {
      ours = await this.#end(run, outcome);
    } catch (error) {
      // The row could not be written. Clients still hear how the run ended; the operator hears of the row.
      cause = error;
    }
    if (ours) await run.finish(outcome);
    this.#forget(run.plan.threadId);
    this.#options.ended(run, outcome.end, cause);
  }

  #forget(threadId: string): void {
    this.#active.delete(threadId);
    const audience = this.#audiences.get(threadId);
    clearTimeout(audience?.orphaned);
    if (audience?.followers === 0) this.#audiences.delete(threadId);
  }

  /** The row first, then the log: whoever ends the row first has the word. */
  #end(run: Run, { end, messages, state }: RunOutcome): Promise<boolean> {
    const { threadId, runId } = run.plan;
    const interrupts = end.kind === "interrupted" ? end.interrupts : [];
    return this.#options.store.endRun(threadId, runId, { status: STATUS[end.kind], messages, state, interrupts });
  }
}
