/**
 * A request's or a socket's access to the runs, made at the door. Everything a client reads or commands goes through it,
 * so a limit or a counter for one client has its place here: `start` sees every run, `thread` every look at a thread.
 *
 * Clients name threads by ids of their own; stores, topics, locks, audiences and checkpoints know a thread by its key.
 * Only this file knows both.
 */
import type { Counts } from "../counts/counts.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { Message } from "../protocol/events.ts";
import { graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import type { Requester, RunHandle, StartRequest } from "./handle.ts";
import type { RunManager } from "./manager.ts";
import type { LastRun, ListedThread, Snapshot, Threads } from "./threads.ts";

/** A run that a visitor has started or attached to. */
export interface VisitedRun extends RunHandle {
  readonly thread: VisitedThread;
}

export class Visitor {
  readonly #runs: RunManager;
  readonly #requester: Requester;
  /** What the visitor's threads are read from. */
  readonly log: EventLog;

  /** Where whatever serves the visitor counts. */
  readonly counts: Counts;

  constructor(runs: RunManager, log: EventLog, counts: Counts, requester: Requester = {}) {
    this.#runs = runs;
    this.#requester = requester;
    this.log = log;
    this.counts = counts;
  }

  /** Starts a run, or attaches to it. Throws what `RunManager.start` throws. */
  async start(request: Omit<StartRequest, "requester">): Promise<VisitedRun> {
    const handle = await this.#runs.start({ ...request, requester: this.#requester });
    return { ...handle, thread: await this.thread(request.input.threadId) };
  }

  /** The thread that this visitor calls by the id, whether anything ever ran on it or not. */
  async thread(threadId: string): Promise<VisitedThread> {
    return new VisitedThread(this.#runs, threadId, threadId);
  }

  /** The threads that were used last; those after an earlier page's `next` when it is given as `before`. */
  list(limit: number, before?: string): Promise<{ threads: ListedThread[]; next?: string }> {
    return this.#runs.threads.list(limit, before);
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  agent(name: string | undefined): ServedAgent {
    return this.#runs.agent(name);
  }
}

/** One thread as its visitor may read and command it. */
export class VisitedThread {
  readonly #runs: RunManager;
  readonly #threads: Threads;
  readonly #key: string;
  /** The id that the client uses. */
  readonly threadId: string;

  constructor(runs: RunManager, threadId: string, key: string) {
    this.#runs = runs;
    this.#threads = runs.threads;
    this.#key = key;
    this.threadId = threadId;
  }

  /** The thread's topic in the log: of its AG-UI events, or of its graph events. */
  topic(graph = false): Topic {
    return graph ? graphTopic(this.#key) : threadTopic(this.#key);
  }

  /** The run that is active: one whose end cannot be read yet. */
  active(): RunHandle | undefined {
    return this.#runs.active(this.#key);
  }

  /** Cancels the active run. `false` when there is none. */
  cancel(): boolean {
    return this.#runs.cancel(this.#key);
  }

  /** Forgets the thread for good. `false` when there is none. */
  delete(): Promise<boolean> {
    return this.#runs.delete(this.#key);
  }

  /** Joins the thread's audience, until the returned function is called. */
  follow(graph = false): () => void {
    return this.#runs.follow(this.#key, graph);
  }

  /** Writes the graph topic of the active run from here on. `false` when it is written already, or none is active. */
  writeGraph(): boolean {
    return this.#runs.writeGraph(this.#key);
  }

  snapshot(): Promise<Snapshot> {
    return this.#threads.snapshot(this.#key);
  }

  messages(): Promise<readonly Message[] | undefined> {
    return this.#threads.messages(this.#key);
  }

  waiting(): ReturnType<Threads["waiting"]> {
    return this.#threads.waiting(this.#key);
  }

  runAt(position: Cursor): Promise<Cursor | undefined> {
    return this.#threads.runAt(this.#key, position);
  }

  lastRun(): Promise<LastRun | undefined> {
    return this.#threads.lastRun(this.#key);
  }

  refused(): Promise<Readonly<Record<string, number>>> {
    return this.#threads.refused(this.#key);
  }

  listed(): Promise<ListedThread | undefined> {
    return this.#threads.listed(this.#key);
  }
}
