/** The followers of each thread, and the end of a run that nobody follows any more. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Following, Instances } from "../store/instances.ts";

interface Audience {
  followers: number;
  /** The number of them that want the graph topic. */
  ofGraph: number;
  /** Has anybody followed the active run? The client that started it begins to follow a little later. */
  joined: boolean;
  /** Milliseconds that the active run goes on without a follower, or `Infinity`; `undefined` while no run is active. */
  graceMs: number | undefined;
  orphaned?: NodeJS.Timeout;
  /** The last report about these followers to other processes. */
  reported: Following | undefined;
  /** Callers that wait until nobody follows; few threads ever have one. */
  waiting?: Set<() => void>;
}

/** Milliseconds between two looks at whether anybody follows a run in another process. */
const LOOK_AGAIN_MS = 1_000;

export class Audiences {
  readonly #audiences = new Map<string, Audience>();
  readonly #instances: Pick<Instances, "followed" | "follows">;
  readonly #orphaned: (threadId: string) => void;

  /** `orphaned` is called with a thread whose run nobody has followed for its grace, in any process. */
  constructor(instances: Pick<Instances, "followed" | "follows">, orphaned: (threadId: string) => void) {
    this.#instances = instances;
    this.#orphaned = orphaned;
  }

  /** Counts one follower of a thread until the returned function is called. */
  join(threadId: string, graph = false): () => void {
    const audience = this.#of(threadId);
    audience.followers += 1;
    if (graph) audience.ofGraph += 1;
    audience.joined = true;
    clearTimeout(audience.orphaned);
    this.#report(threadId, audience);
    let following = true;
    return () => {
      if (!following) return;
      following = false;
      audience.followers -= 1;
      if (graph) audience.ofGraph -= 1;
      this.#settle(threadId, audience);
    };
  }

  /** A run begins on a thread. It may go on alone for `graceMs`; `Infinity` is as long as it takes. */
  begin(threadId: string, graceMs: number): void {
    const audience = this.#of(threadId);
    audience.graceMs = graceMs;
    audience.joined = audience.followers > 0;
    this.#settle(threadId, audience);
  }

  /** The thread's run is over. */
  end(threadId: string): void {
    const audience = this.#of(threadId);
    audience.graceMs = undefined;
    this.#settle(threadId, audience);
  }

  /** Does anybody follow the thread in this process? */
  isFollowed(threadId: string): boolean {
    return (this.#audiences.get(threadId)?.followers ?? 0) > 0;
  }

  /** Does anybody who follows the thread want its graph topic? */
  wantsGraph(threadId: string): boolean {
    return (this.#audiences.get(threadId)?.ofGraph ?? 0) > 0;
  }

  /** Was the thread's run followed, and is it now followed in no process? */
  async hasLeft(threadId: string): Promise<boolean> {
    const left = () => {
      const audience = this.#audiences.get(threadId);
      return audience?.joined === true && audience.followers === 0;
    };
    return left() && !(await this.#instances.followed(threadId)) && left();
  }

  /** Resolves when nobody follows the thread in this process, and after `ms` at the latest. */
  async emptied(threadId: string, ms: number): Promise<void> {
    const audience = this.#audiences.get(threadId);
    if (!audience?.followers) return;
    audience.waiting ??= new Set();
    const { waiting } = audience;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      waiting.add(done);
    });
  }

  /** The same for the followers in all processes. */
  async deserted(threadId: string, ms: number): Promise<void> {
    const until = performance.now() + ms;
    await this.emptied(threadId, ms);
    while (performance.now() < until && (await this.#instances.followed(threadId))) await sleep(LOOK_AGAIN_MS);
  }

  get size(): number {
    return this.#audiences.size;
  }

  #of(threadId: string): Audience {
    const audience = this.#audiences.get(threadId) ?? {
      followers: 0,
      ofGraph: 0,
      joined: false,
      graceMs: undefined,
      reported: undefined,
    };
    this.#audiences.set(threadId, audience);
    return audience;
  }

  #settle(threadId: string, audience: Audience): void {
    clearTimeout(audience.orphaned);
    this.#report(threadId, audience);
    if (audience.followers > 0) return;
    for (const done of audience.waiting ?? []) done();
    if (audience.graceMs === undefined) this.#audiences.delete(threadId);
    else if (Number.isFinite(audience.graceMs)) this.#wait(threadId, audience, audience.graceMs);
  }

  #wait(threadId: string, audience: Audience, ms: number): void {
    audience.orphaned = setTimeout(() => void this.#look(threadId, audience), ms);
  }

  /** Runs when the grace has passed here. A run that another process follows, or may follow, goes on. */
  async #look(threadId: string, audience: Audience): Promise<void> {
    const { graceMs } = audience;
    const followed = await this.#instances.followed(threadId).catch(() => true);
    // Somebody came, or the run ended, in the meantime.
    if (audience.followers > 0 || graceMs === undefined || audience.graceMs !== graceMs) return;
    if (followed) this.#wait(threadId, audience, Math.max(graceMs, LOOK_AGAIN_MS));
    else this.#orphaned(threadId);
  }

  /** Reports to the other processes, unless this one drives the thread's run and knows its followers itself. */
  #report(threadId: string, audience: Audience): void {
    const { followers, ofGraph, graceMs, reported } = audience;
    const following = followers > 0 ? { graph: ofGraph > 0 } : undefined;
    if (graceMs !== undefined && !reported) return;
    if (following?.graph === reported?.graph) return;
    audience.reported = following;
    this.#instances.follows(threadId, following);
  }
}
