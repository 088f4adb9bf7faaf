/** The one loop that reads a log as it grows. */
import type { Cursor } from "../protocol/cursor.ts";
import type { Topic } from "../protocol/ids.ts";
import type { EventLog, Page } from "./log.ts";

/** The most entries a page holds: enough to catch up quickly, few enough that a slow reader holds little. */
const PAGE_SIZE = 256;

/** Reads a page, and returns the position to read on from. `undefined`: the reader wants nothing more. */
export type Read = (page: Page) => Promise<Cursor | undefined>;

/** Takes a page while it is being appended. `false`: it did not take the page, which is read like any other. */
export type Take = (page: Page) => boolean;

/**
 * Reads `topic` after `after`, for ever, until `signal` aborts or `read` wants nothing more. A page is either entries or
 * a gap. The reader's own pace is the only pace: nothing is read ahead. While the reader waits at the head, `take` is
 * offered each append. Entries that it takes are not read again.
 */
export function follow(
  log: EventLog,
  topic: Topic,
  after: Cursor | null,
  signal: AbortSignal,
  read: Read,
  take: Take = () => false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Follower({ log, topic, signal, read, take, resolve, reject }, after).start();
  });
}

interface Following {
  readonly log: EventLog;
  readonly topic: Topic;
  readonly signal: AbortSignal;
  readonly read: Read;
  readonly take: Take;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Most followers wait at the head. To save memory, no async function stays suspended while a follower waits there. */
class Follower {
  readonly #following: Following;
  readonly #unwatch: () => void;
  #cursor: Cursor | null;
  /** The log has changed since it was read. */
  #changed = false;
  /** It waits at the head. */
  #resting = false;

  constructor(following: Following, after: Cursor | null) {
    this.#following = following;
    this.#cursor = after;
    this.#unwatch = following.log.watch(following.topic, (appended) => this.#wake(appended));
    following.signal.addEventListener("abort", this);
  }

  /** Called when the signal aborts. */
  handleEvent(): void {
    this.#wake();
  }

  #wake(appended?: Page): void {
    this.#changed = true;
    if (!this.#resting) return;
    try {
      if (appended && this.#takes(appended)) this.#cursor = appended.next;
      else this.start();
    } catch (error) {
      this.#end(() => this.#following.reject(error));
    }
  }

  #takes(appended: Page): boolean {
    const { signal, take } = this.#following;
    return !signal.aborted && isNext(appended, this.#cursor) && take(appended);
  }

  start(): void {
    const { resolve, reject } = this.#following;
    this.#resting = false;
    this.#toTheHead().then(
      (wants) => {
        if (!wants) this.#end(resolve);
      },
      (error: unknown) => this.#end(() => reject(error)),
    );
  }

  /** `false`: the reader wants nothing more. */
  async #toTheHead(): Promise<boolean> {
    const { log, topic, signal, read } = this.#following;
    do {
      // Before the read, so that an append after it is not missed.
      this.#changed = false;
      if (signal.aborted) return false;
      const page = await log.read(topic, this.#cursor, PAGE_SIZE);
      if (page.gap === undefined && page.entries.length === 0) continue;
      const next = await read(page);
      if (next === undefined) return false;
      this.#cursor = next;
      this.#changed ||= page.gap !== undefined || page.entries.length === PAGE_SIZE;
    } while (this.#changed);
    this.#resting = true;
    return true;
  }

  #end(settle: () => void): void {
    this.#resting = false;
    this.#unwatch();
    this.#following.signal.removeEventListener("abort", this);
    settle();
  }
}

function isNext({ epoch, entries }: Page, after: Cursor | null): boolean {
  return epoch === after?.epoch && entries[0]?.offset === after.offset + 1;
}
