/** Messages that clients sent into active runs. They are kept until their run is over. */
import type { InjectedMessage } from "../protocol/injected.ts";
import type { Claim } from "./store.ts";
import type { Row, Statement, Tables } from "./tables.ts";

/** A message, and whether its run has taken it. */
export interface StoredInjected {
  readonly message: InjectedMessage;
  readonly taken: boolean;
}

/** A write under an outdated claim, or for a run that is not active, changes nothing. */
export interface InjectedMessages {
  /** Keeps a message that waits for its run. `false`: nothing was written. */
  add(claim: Claim, message: InjectedMessage): Promise<boolean>;
  /** The messages of a run, in the order they were sent. */
  of(claim: Claim): Promise<readonly StoredInjected[]>;
  /** Marks the messages that wait for the run as taken, and returns them. */
  take(claim: Claim): Promise<readonly InjectedMessage[]>;
  /** Marks these as waiting again: the run takes them once more. */
  putBack(claim: Claim, ids: readonly string[]): Promise<void>;
}

/** For a store in memory. `isActive` reports whether a claim is good and its run is active. */
export class MemoryInjected implements InjectedMessages {
  readonly #threads = new Map<string, readonly StoredInjected[]>();
  readonly #isActive: (claim: Claim) => boolean;

  constructor(isActive: (claim: Claim) => boolean) {
    this.#isActive = isActive;
  }

  async add(claim: Claim, message: InjectedMessage): Promise<boolean> {
    if (!this.#isActive(claim)) return false;
    this.#threads.set(claim.threadId, [...this.#of(claim), { message, taken: false }]);
    return true;
  }

  async of(claim: Claim): Promise<readonly StoredInjected[]> {
    return this.#of(claim);
  }

  async take(claim: Claim): Promise<readonly InjectedMessage[]> {
    if (!this.#isActive(claim)) return [];
    const kept = this.#of(claim);
    this.#threads.set(
      claim.threadId,
      kept.map(({ message }) => ({ message, taken: true })),
    );
    return kept.flatMap(({ message, taken }) => (taken ? [] : [message]));
  }

  async putBack(claim: Claim, ids: readonly string[]): Promise<void> {
    if (!this.#isActive(claim)) return;
    const kept = this.#of(claim).map((one) => (ids.includes(one.message.id) ? { ...one, taken: false } : one));
    this.#threads.set(claim.threadId, kept);
  }

  /** Forgets the thread's messages: its run is over. */
  forget(threadId: string): void {
    this.#threads.delete(threadId);
  }

  #of({ threadId }: Claim): readonly StoredInjected[] {
    return this.#threads.get(threadId) ?? [];
  }
}

const ACTIVE =
  "EXISTS (SELECT 1 FROM runs WHERE runs.thread_id = ? AND runs.run_id = ? AND fence = ? AND status = 'active')";

function valuesOf({ threadId, runId, fence }: Claim): [string, string, number] {
  return [threadId, runId, fence];
}

export class TableInjected implements InjectedMessages {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async add(claim: Claim, message: InjectedMessage): Promise<boolean> {
    const written = await this.#tables.all(
      `INSERT INTO injected (thread_id, run_id, message_id, content, taken) SELECT ?, ?, ?, ?, 0 WHERE ${ACTIVE} RETURNING number`,
      claim.threadId,
      claim.runId,
      message.id,
      JSON.stringify(message.content), // In Postgres, a zero character is possible in JSON only.
      ...valuesOf(claim),
    );
    return written.length > 0;
  }

  async of({ threadId, runId }: Claim): Promise<readonly StoredInjected[]> {
    const rows = await this.#tables.all(
      "SELECT message_id, content, taken FROM injected WHERE thread_id = ? AND run_id = ? ORDER BY number",
      threadId,
      runId,
    );
    return rows.map((row) => ({ message: messageIn(row), taken: Number(row.taken) === 1 }));
  }

  async take(claim: Claim): Promise<readonly InjectedMessage[]> {
    const rows = await this.#tables.all(
      `UPDATE injected SET taken = 1 WHERE thread_id = ? AND run_id = ? AND taken = 0 AND ${ACTIVE}
       RETURNING number, message_id, content`,
      claim.threadId,
      claim.runId,
      ...valuesOf(claim),
    );
    return [...rows].sort((a, b) => Number(a.number) - Number(b.number)).map(messageIn);
  }

  async putBack(claim: Claim, ids: readonly string[]): Promise<void> {
    const one = `UPDATE injected SET taken = 0 WHERE thread_id = ? AND run_id = ? AND message_id = ? AND ${ACTIVE}`;
    const { threadId, runId } = claim;
    await this.#tables.write(...ids.map((id): Statement => [one, threadId, runId, id, ...valuesOf(claim)]));
  }
}

function messageIn({ message_id: id, content }: Row): InjectedMessage {
  return { id: String(id), role: "user", content: JSON.parse(String(content)) as string };
}
