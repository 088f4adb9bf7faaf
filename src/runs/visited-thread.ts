/** One thread as its visitor may read and command it. */
import { randomBytes } from "node:crypto";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Message } from "../protocol/events.ts";
import { checkId, graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import { oneLine } from "../store/listing.ts";
import { MAX_SHARES, type Share } from "../store/shares.ts";
import type { ThreadMarks } from "../store/store.ts";
import type { RunHandle } from "./handle.ts";
import type { RunManager } from "./manager.ts";
import type { Injected, LastRun, ListedThread, RunSummary, Snapshot, Threads } from "./threads.ts";
import type { Visitor } from "./visitor.ts";

/** A run that a visitor has started or attached to. */
export interface VisitedRun extends RunHandle {
  readonly thread: VisitedThread;
}

export class VisitedThread {
  readonly #visitor: Visitor;
  readonly #runs: RunManager;
  readonly #threads: Threads;
  readonly #key: string;
  readonly #topic: Topic;
  /** Has this visitor started the active run? A visitor that may not watch still gets its own runs. */
  readonly #started: boolean;
  /** The id that the client uses. */
  readonly threadId: string;

  constructor(visitor: Visitor, runs: RunManager, threadId: string, key: string, started = false) {
    this.#visitor = visitor;
    this.#runs = runs;
    this.#threads = runs.threads;
    this.#key = key;
    this.#topic = threadTopic(key);
    this.#started = started;
    this.threadId = threadId;
  }

  /** The thread's topic in the log: of its AG-UI events, or of its graph events. */
  topic(graph = false): Topic {
    return graph ? graphTopic(this.#key) : this.#topic;
  }

  /** The run that is active: one whose end cannot be read yet. */
  async active(): Promise<RunHandle | undefined> {
    return this.#runs.active(this.#key);
  }

  /**
   * Cancels the active run; with a `runId` only the run that its client knows by this id. `false` when there is none.
   */
  async cancel(runId?: string): Promise<boolean> {
    this.#visitor.need("cancel");
    if (runId !== undefined && !(await this.#threads.runsAs(this.#key, checkId("runId", runId)))) return false;
    return this.#runs.cancel(this.#key);
  }

  /** Sends messages into the active run. Throws what `Threads.inject` throws, and `forbidden` without the scope. */
  async inject(messages: readonly Message[]): Promise<Injected> {
    this.#visitor.need("run");
    return this.#threads.inject(this.#key, messages);
  }

  /** Forgets the thread for good. `false` when there is none. */
  async delete(): Promise<boolean> {
    this.#visitor.need("run");
    return this.#runs.delete(this.#key);
  }

  /** Forgets the thread for good when this run is over, and nobody reads it any more. */
  async deleteAfter(runId: string): Promise<void> {
    this.#visitor.need("run");
    return this.#runs.deleteAfter(this.#key, runId);
  }

  /** Gives the thread a name, or archives it. `false` when there is none. */
  async mark({ name, archived }: ThreadMarks): Promise<boolean> {
    this.#visitor.need("run");
    return this.#threads.mark(this.#key, { name: name === undefined ? undefined : oneLine(name), archived });
  }

  /** Joins the thread's audience, until the returned function is called. */
  follow(graph = false): () => void {
    if (graph) this.#visitor.needNoShare();
    if (!this.#started) this.#visitor.need("watch");
    const leave = this.#visitor.subscription();
    const quit = this.#visitor.isAudience ? this.#runs.follow(this.#key, graph) : () => {};
    return () => {
      leave();
      quit();
    };
  }

  /** Writes the graph topic of the active run from here on. `false` when it is written already, or none is active. */
  async writeGraph(): Promise<boolean> {
    this.#visitor.needNoShare();
    return this.#runs.writeGraph(this.#key);
  }

  /**
   * Lets clients with the secret of this digest watch the thread, until `expiresAt` or until the share is revoked.
   * @throws SluiceError `not_found`, or `overloaded` when the thread has too many shares.
   */
  async share(digest: string, expiresAt: number | undefined): Promise<Share> {
    this.#visitor.need("run");
    const id = randomBytes(12).toString("base64url");
    const share = { id, madeAt: Date.now(), ...(expiresAt === undefined ? {} : { expiresAt }) };
    if (await this.#visitor.shares.keep({ ...share, threadKey: this.#key }, digest)) return share;
    await this.#needThread();
    throw new SluiceError("overloaded", `A thread may have ${MAX_SHARES} shares. Revoke one first.`);
  }

  /** @throws SluiceError `not_found`. */
  async shares(): Promise<readonly Share[]> {
    this.#visitor.need("run");
    await this.#needThread();
    return this.#visitor.shares.list(this.#key);
  }

  /** Ends a share, and its readers within seconds. @throws SluiceError `not_found`. */
  async revoke(id: string): Promise<void> {
    this.#visitor.need("run");
    if (await this.#visitor.shares.revoke(this.#key, checkId("share", id))) return;
    throw new SluiceError("not_found", "There is no such share.");
  }

  async #needThread(): Promise<void> {
    if (!(await this.#threads.listed(this.#key))) throw new SluiceError("not_found", "There is no such thread.");
  }

  get #read(): Threads {
    if (!this.#started) this.#visitor.need("watch");
    return this.#threads;
  }

  async snapshot(): Promise<Snapshot> {
    return this.#read.snapshot(this.#key);
  }

  async messages(): Promise<readonly Message[] | undefined> {
    return this.#read.messages(this.#key);
  }

  waiting(): ReturnType<Threads["waiting"]> {
    return this.#threads.waiting(this.#key);
  }

  async runAt(position: Cursor): Promise<Cursor | undefined> {
    return this.#read.runAt(this.#key, position);
  }

  async runs(): Promise<RunSummary[]> {
    return this.#read.runs(this.#key);
  }

  /** A run of this thread, whether it is active or over. `undefined`: there is none under this id. */
  async run(runId: string): Promise<VisitedRun | undefined> {
    const run = (await this.runs()).find((summary) => summary.runId === runId);
    if (!run) return undefined;
    const active = await this.active();
    const { threadId } = this;
    if (active?.runId === runId) return { ...active, threadId, thread: this };
    const { from } = run;
    const graphFrom = await this.#visitor.log.open(this.topic(true));
    const agent = this.#runs.agent(run.agent);
    return { agent, threadId, runId, topic: this.topic(), from, over: true, graphFrom, thread: this };
  }

  /** The messages before a run. */
  async before(runId: string): Promise<readonly Message[]> {
    return this.#read.before(this.#key, runId);
  }

  async points(): ReturnType<Threads["points"]> {
    return this.#read.points(this.#key);
  }

  async lastRun(): Promise<LastRun | undefined> {
    return this.#read.lastRun(this.#key);
  }

  async refused(): Promise<Readonly<Record<string, number>>> {
    this.#visitor.needNoShare();
    return this.#read.refused(this.#key);
  }

  async listed(): Promise<ListedThread | undefined> {
    const listed = await this.#read.listed(this.#key);
    // The key is the server's own.
    return listed && { ...listed, threadId: this.threadId };
  }
}
