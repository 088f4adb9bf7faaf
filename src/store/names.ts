/**
 * Names of threads. A principal chooses the names of its threads. A store knows each thread by a key, which is new for
 * each thread. A thread that belongs to nobody has no name: its key is the id that clients use.
 */
import { randomBytes } from "node:crypto";

/** A thread's owner, and the owner's name for it. */
export interface ThreadName {
  /** A principal's key. */
  readonly owner: string;
  readonly threadId: string;
}

export interface ThreadNames {
  /** The key of the owner's thread; `undefined` when there is no such thread. */
  threadKey(owner: string, threadId: string): Promise<string | undefined>;
  /**
   * The same, but a name without a thread gets `key`, by default a new one. It is for a thread that is about to be made
   * or waited for.
   */
  claimThread(owner: string, threadId: string, key?: string): Promise<string>;
  /** The name of the thread with this key; `undefined` when it belongs to nobody. */
  threadName(key: string): Promise<ThreadName | undefined>;
}

/** In lists: the threads of all owners and of nobody. No principal's key is this. */
export const EVERYBODY = "*";

/** In lists: the threads of nobody. */
export const NOBODY = "";

const KEY = /^~[\w-]{32}$/;

export function newThreadKey(): string {
  return `~${randomBytes(24).toString("base64url")}`;
}

/** Clients cannot use such an id, because it could be the key of another owner's thread. */
export function isThreadKey(id: string): boolean {
  return KEY.test(id);
}

/** For a store in memory. A name without a thread is kept until there are `max` of them. */
export class MemoryNames implements ThreadNames {
  readonly #keys = new Map<string, string>();
  readonly #names = new Map<string, ThreadName>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  async threadKey(owner: string, threadId: string): Promise<string | undefined> {
    return this.#keys.get(id(owner, threadId));
  }

  async claimThread(owner: string, threadId: string, key = newThreadKey()): Promise<string> {
    const known = this.#keys.get(id(owner, threadId));
    if (known !== undefined) return known;
    this.#trim();
    this.#keys.set(id(owner, threadId), key);
    this.#names.set(key, { owner, threadId });
    return key;
  }

  async threadName(key: string): Promise<ThreadName | undefined> {
    return this.#names.get(key);
  }

  /** Reports whether a thread with this key exists, and not only its name. */
  hasThread(_key: string): boolean {
    return false;
  }

  /** Reports whether the thread with this key is in the list of `owner`. */
  isOf(key: string, owner: string): boolean {
    return owner === EVERYBODY || (this.#names.get(key)?.owner ?? NOBODY) === owner;
  }

  forget(key: string): void {
    const name = this.#names.get(key);
    if (!name) return;
    this.#names.delete(key);
    this.#keys.delete(id(name.owner, name.threadId));
  }

  /** Drops the oldest names without a thread when there are too many. */
  #trim(): void {
    if (this.#names.size < this.#max) return;
    for (const key of [...this.#names.keys()]) {
      if (this.#names.size < this.#max) return;
      if (!this.hasThread(key)) this.forget(key);
    }
  }
}

function id(owner: string, threadId: string): string {
  return JSON.stringify([owner, threadId]);
}
