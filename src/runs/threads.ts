/** Threads as their clients know them: from the store, and from the active run, which the store does not know yet. */
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import { threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Store, ThreadRecord } from "../store/store.ts";
import type { Run } from "./run.ts";

/** What a thread's clients were told so far. */
export interface Snapshot {
  /** The messages nothing can be added to any more. */
  readonly messages: readonly Message[];
  /** The exposed state; `undefined` when none was told. */
  readonly state: JsonValue | undefined;
  /** What the thread waits for. */
  readonly interrupts: readonly Interrupt[];
  /** How its last run ended; `undefined` while one is active, or when there was none. */
  readonly ending: ThreadRecord["ending"];
  /** What is open, opened again. */
  readonly open: readonly AguiEvent[];
  /** The position that all this is true for. */
  readonly cursor: Cursor;
}

export class Threads {
  readonly #store: Store;
  readonly #log: EventLog;
  readonly #activeRun: (threadId: string) => Run | undefined;

  constructor(store: Store, log: EventLog, activeRun: (threadId: string) => Run | undefined) {
    this.#store = store;
    this.#log = log;
    this.#activeRun = activeRun;
  }

  async snapshot(threadId: string): Promise<Snapshot> {
    const run = this.#activeRun(threadId);
    if (run) return { ...run.snapshot, interrupts: [], ending: undefined };
    const [thread, cursor] = await Promise.all([this.#store.thread(threadId), this.#log.open(threadTopic(threadId))]);
    const { messages = [], state, interrupts = [], ending } = thread ?? {};
    return { messages, state, interrupts, ending, open: [], cursor };
  }

  /** The messages; those of an active run with what they said so far. `undefined`: there is no such thread. */
  async messages(threadId: string): Promise<readonly Message[] | undefined> {
    return this.#activeRun(threadId)?.messages ?? (await this.#store.thread(threadId))?.messages;
  }

  /** What the thread waits for. */
  async interrupts(threadId: string): Promise<readonly Interrupt[]> {
    return (await this.#store.thread(threadId))?.interrupts ?? [];
  }

  /** How many graph events the allow-list refused, by name: in the active run, or in the last. */
  async refused(threadId: string): Promise<Readonly<Record<string, number>>> {
    const run = this.#activeRun(threadId);
    if (run) return Object.fromEntries(run.refused);
    return (await this.#store.thread(threadId))?.refused ?? {};
  }
}
