/**
 * A request's or a socket's access to the runs, made at the door. Everything a client reads or commands goes through
 * it, so limits and counters for one client belong here: `start` sees every run, and `thread` sees every access to a
 * thread.
 *
 * Clients name threads by ids of their own; stores, topics, locks, audiences and checkpoints know a thread by its key.
 * Only this file and `VisitedThread` know both.
 */
import type { IncomingMessage } from "node:http";
import type { Counts } from "../counts/counts.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { Client, Limits } from "../limits/limits.ts";
import type { EventLog } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { RunAgentInput } from "../protocol/events.ts";
import { checkId } from "../protocol/ids.ts";
import { parseRunOptions } from "../protocol/input.ts";
import type { Scope } from "../protocol/scopes.ts";
import { formatPlace, parsePlace } from "../store/listing.ts";
import { EVERYBODY, isThreadKey, NOBODY, newThreadKey } from "../store/names.ts";
import type { Shares } from "../store/shares.ts";
import type { Store } from "../store/store.ts";
import { underOwnId } from "./answering.ts";
import { bodyHash } from "./beginning.ts";
import type { Requester, StartRequest } from "./handle.ts";
import type { RunManager } from "./manager.ts";
import { ANONYMOUS, needScope, needUnexpired, type Principal } from "./principal.ts";
import type { ListedThread } from "./threads.ts";
import { type VisitedRun, VisitedThread } from "./visited-thread.ts";

/** A thread in a list. An admin's list has its owner too, which is empty if nobody owns the thread. */
export type VisibleThread = ListedThread & { readonly owner?: string };

/** Everything that visitors reach. */
export interface House {
  readonly runs: RunManager;
  readonly log: EventLog;
  readonly counts: Counts;
  readonly limits: Limits;
  readonly store: Pick<Store, "threadKey" | "claimThread" | "threadName" | "run" | "shares">;
  /** May visitors that are not signed in list the threads without an owner? */
  readonly listsAnonymous: boolean;
}

const ONLY_IN_AGUI = 'forwardedProps.sluice.inject: only POST /agui takes it. A socket takes {"type": "inject"}.';

export class Visitor {
  readonly #house: House;
  readonly #request: IncomingMessage | undefined;
  /** The owner of the threads that are visited: the principal itself, or for an admin the one it asks for. */
  readonly #owner: string;
  readonly principal: Principal;
  /** The log that the visitor's threads are read from. */
  readonly log: EventLog;

  /** The counts that the visitor's requests and sockets add to. */
  readonly counts: Counts;

  constructor(house: House, principal: Principal = ANONYMOUS, request?: IncomingMessage, owner?: string) {
    this.#house = house;
    this.#request = request;
    this.#owner = owner ?? principal.key ?? NOBODY;
    this.principal = principal;
    this.log = house.log;
    this.counts = house.counts;
  }

  /**
   * The same visitor among the threads of another owner.
   * @throws SluiceError `forbidden` when it is no admin.
   */
  among(owner: string): Visitor {
    needScope(this.principal, "admin");
    return new Visitor(this.#house, this.principal, this.#request, owner);
  }

  /** Starts a run, or attaches to it. Throws what `RunManager.start` throws, and `forbidden` without the scope. */
  async start(request: Omit<StartRequest, "requester" | "threadName">): Promise<VisitedRun> {
    this.need("run");
    const { threadId, messages } = request.input;
    const { runs, store, limits } = this.#house;
    limits.history(messages.length);
    if (parseRunOptions(request.input).inject) throw new SluiceError("bad_request", ONLY_IN_AGUI);
    const key = await this.#key(threadId, true);
    const input = await this.#underOwnId(request.agent, { ...request.input, threadId: key });
    const named = key === threadId ? {} : { threadName: threadId };
    const handle = await runs.start({ ...request, input, ...named, requester: this.#requester });
    // The thread may have been deleted, and its name with it, while the run waited for it.
    if (key !== threadId && (await store.claimThread(this.#owner, threadId, key)) !== key) {
      await runs.cancel(key);
      throw new SluiceError("cancelled");
    }
    return { ...handle, threadId, thread: new VisitedThread(this, runs, threadId, key, true) };
  }

  /**
   * Returns the thread that has this id for the visitor, even if nothing ever ran on it. A thread of another owner
   * looks like one on which nothing ran. `awaited`: the thread may be made later, and keeps the same key then.
   */
  async thread(threadId: string, awaited = false): Promise<VisitedThread> {
    return new VisitedThread(this, this.#house.runs, threadId, await this.#key(threadId, awaited));
  }

  /** May this visitor list threads? Without a sign-in it depends on the settings. */
  get lists(): boolean {
    return this.principal.key !== undefined || this.#house.listsAnonymous;
  }

  /** The threads that were used last. With the `next` of a page as `before`: those after that page. */
  async list(limit: number, before?: string): Promise<{ threads: VisibleThread[]; next?: string }> {
    this.needNoShare();
    this.need("watch");
    if (!this.lists) {
      throw new SluiceError("forbidden", "Threads are not listed to clients that have not signed in.");
    }
    const page = await this.#house.runs.threads.list(limit, await this.#placeOf(before), this.#owner);
    const threads = await Promise.all(page.threads.map((thread) => this.#visible(thread)));
    const last = threads.at(-1);
    return { threads, ...(page.next !== undefined && last ? { next: formatPlace(last) } : {}) };
  }

  /** @throws SluiceError `not_found` that names the agents there are. */
  agent(name: string | undefined): ServedAgent {
    return this.#house.runs.agent(name);
  }

  /** @throws SluiceError `forbidden` when the scope is missing, `unauthorized` when the sign-in has expired. */
  need(scope: Scope): void {
    needUnexpired(this.principal);
    needScope(this.principal, scope);
  }

  /** @throws SluiceError `forbidden` for a reader by a share, which sees a thread's AG-UI events and nothing else. */
  needNoShare(): void {
    if (this.principal.share) throw new SluiceError("forbidden", "A shared thread may be watched, and nothing else.");
  }

  /** Does a run go on as long as this visitor follows it? */
  get isAudience(): boolean {
    return this.principal.share === undefined;
  }

  get shares(): Shares {
    return this.#house.store.shares;
  }

  /** Takes a place for following a thread, until the returned function is called. */
  subscription(): () => void {
    return this.#house.limits.subscription(this.client);
  }

  /** The client that the limits apply to. */
  get client(): Client {
    const { key, share } = this.principal;
    // One share can have many readers, so they do not count as one client.
    return { request: this.#request, principal: share ? undefined : key };
  }

  get #requester(): Requester {
    const { key, id, claims } = this.principal;
    const request = this.#request ? { request: this.#request } : {};
    return key === undefined ? request : { ...request, principal: key, user: { id, claims } };
  }

  async #underOwnId(agent: string | undefined, input: RunAgentInput): Promise<RunAgentInput> {
    if (!input.resume?.length) return input;
    const known = await this.#house.store.run(input.threadId, input.runId);
    return underOwnId(input, await bodyHash(this.agent(agent).name, input), known);
  }

  /** An unknown name gets a key without a thread. So an unknown thread is treated like a thread of another owner. */
  async #key(threadId: string, claimed: boolean): Promise<string> {
    checkId("threadId", threadId);
    if (isThreadKey(threadId)) throw new SluiceError("bad_request", "threadId: ids of this form are reserved.");
    const { share } = this.principal;
    if (share) return threadId === share.threadId ? share.threadKey : newThreadKey();
    if (this.#owner === NOBODY) return threadId;
    const { store } = this.#house;
    if (this.#owner === EVERYBODY) throw new SluiceError("bad_request", "owner: give the owner of the thread.");
    if (claimed) return store.claimThread(this.#owner, threadId);
    return (await store.threadKey(this.#owner, threadId)) ?? newThreadKey();
  }

  async #visible(thread: ListedThread): Promise<VisibleThread> {
    if (this.#owner === NOBODY) return thread;
    const name = await this.#house.store.threadName(thread.threadId);
    const { owner = NOBODY, threadId = thread.threadId } = name ?? {};
    return { ...thread, threadId, ...(this.#owner === EVERYBODY ? { owner } : {}) };
  }

  /** Turns a page position with the thread's name into one with its key. */
  async #placeOf(before: string | undefined): Promise<string | undefined> {
    if (before === undefined || this.#owner === NOBODY || this.#owner === EVERYBODY) return before;
    const { updatedAt, threadId } = parsePlace(before);
    return formatPlace({ updatedAt, threadId: (await this.#house.store.threadKey(this.#owner, threadId)) ?? "" });
  }
}
