/** The store in an SQLite file. Only deletions remove anything from it. */
import type { Message } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Database } from "./database.ts";
import { HOLDING, TableDeletions, UNFINISHED } from "./deletions.ts";
import { TableInjected } from "./injected.ts";
import { pageOf, parsePlace, titleOf } from "./listing.ts";
import { EVERYBODY } from "./names.ts";
import { jsonOrNull, optionalFields, SUMMARY, toRun, toStatus, toSummary } from "./rows.ts";
import { type Shares, TableShares } from "./shares.ts";
import {
  type Admitted,
  type BegunRun,
  type Claim,
  isBegun,
  MAX_RUNS,
  type NewRun,
  type RunBeginning,
  type RunEnding,
  type RunRecord,
  type Store,
  type ThreadMarks,
  type ThreadPage,
  type ThreadRecord,
  type ThreadStatus,
  type ThreadSummary,
} from "./store.ts";
import { ownedBy, TableNames } from "./table-names.ts";
import { TableTickets, type Tickets } from "./tickets.ts";
import { allRemoved, type Tombstone } from "./tombstones.ts";

export class SqliteStore extends TableNames implements Store {
  readonly engine = "sqlite";
  readonly tickets: Tickets;
  readonly injected: TableInjected;
  readonly shares: Shares;
  readonly deletions: TableDeletions;
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number = Date.now) {
    super(database, now);
    this.tickets = new TableTickets(database, now);
    this.injected = new TableInjected(database);
    this.shares = new TableShares(database, now);
    this.deletions = new TableDeletions(database, now);
    this.#db = database;
    this.#now = now;
  }

  async thread(threadId: string): Promise<ThreadRecord | undefined> {
    const row = this.#db.one(`SELECT threads.*, runs.terminal ${WITH_ENDING}`, threadId);
    if (!row) return undefined;
    const messages = this.#db.all("SELECT message FROM messages WHERE thread_id = ? ORDER BY position", threadId);
    return {
      threadId,
      messages: messages.map(({ message }) => JSON.parse(String(message)) as Message),
      createdAt: Number(row.created_at),
      updatedAt: Number(row.updated_at),
      ...optionalFields(row),
      ...(row.state === null ? {} : { state: JSON.parse(String(row.state)) as JsonValue }),
      ...toStatus(row),
    };
  }

  async run(threadId: string, runId: string): Promise<RunRecord | undefined> {
    const row = this.#db.one("SELECT * FROM runs WHERE thread_id = ? AND run_id = ?", threadId, runId);
    return row && toRun(row);
  }

  async runs(threadId: string): Promise<readonly BegunRun[]> {
    const last = "SELECT * FROM runs WHERE thread_id = ? ORDER BY number DESC LIMIT ?";
    return this.#db.all(last, threadId, MAX_RUNS).reverse().map(toRun).filter(isBegun);
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    return this.#db.all(`SELECT * FROM runs WHERE ${UNFINISHED} ORDER BY fence`).map(toRun);
  }

  async threads(limit: number, before?: string, owner = EVERYBODY): Promise<ThreadPage> {
    const { updatedAt, threadId } = before === undefined ? { updatedAt: 1e15, threadId: "" } : parsePlace(before);
    const [owned, ...values] = ownedBy(owner);
    const rows = this.#db.all(
      `SELECT ${SUMMARY} FROM threads WHERE (updated_at, thread_id) < (?, ?) AND ${owned}
       ORDER BY updated_at DESC, thread_id DESC LIMIT ?`,
      updatedAt,
      threadId,
      ...values,
      limit + 1,
    );
    return pageOf(rows.map(toSummary), limit);
  }

  async threadSummary(threadId: string): Promise<ThreadSummary | undefined> {
    const row = this.#db.one(`SELECT ${SUMMARY} FROM threads WHERE thread_id = ?`, threadId);
    return row && toSummary(row);
  }

  async threadStatus(threadId: string): Promise<ThreadStatus | undefined> {
    const columns = "threads.agent, threads.interrupts, threads.refused, threads.ended_run, runs.terminal";
    const row = this.#db.one(`SELECT ${columns} ${WITH_ENDING}`, threadId);
    return row && toStatus(row);
  }

  async markThread(threadId: string, { name, archived }: ThreadMarks): Promise<boolean> {
    const mark = "UPDATE threads SET name = coalesce(?, name), archived = coalesce(?, archived) WHERE thread_id = ?";
    return this.#db.run(mark, name ?? null, archived === undefined ? null : Number(archived), threadId) > 0;
  }

  async admit({ threadId, runId, agent, bodyHash, startedAt }: NewRun): Promise<Admitted> {
    return this.#db.transaction(() => {
      const inTheWay = this.#db.one(
        `SELECT * FROM runs WHERE thread_id = ? AND (run_id = ? OR ${HOLDING}) ORDER BY run_id = ? DESC`,
        threadId,
        runId,
        runId,
      );
      if (inTheWay) return { inTheWay: toRun(inTheWay) };
      const fence = this.#nextFence();
      this.#db.run(
        `INSERT INTO runs (thread_id, run_id, agent, body_hash, status, fence, started_at)
         VALUES (?, ?, ?, ?, 'admitted', ?, ?)`,
        threadId,
        runId,
        agent,
        bodyHash,
        fence,
        startedAt,
      );
      return { fence };
    });
  }

  async withdraw(claim: Claim): Promise<void> {
    this.#db.run(`DELETE FROM runs WHERE ${CLAIMED} AND status IN ('admitted', 'deleting')`, ...valuesOf(claim));
  }

  async begin(claim: Claim, beginning: RunBeginning, messages: readonly Message[]): Promise<boolean> {
    const { from, beginsAfter, checkpointBefore, temporary, input } = beginning;
    return this.#db.transaction(() => {
      const begun = this.#db.one(
        `UPDATE runs SET status = 'active', from_epoch = ?, from_offset = ?, begins_after = ?, checkpoint_before = ?,
           temporary = ?, input = ?, so_far = NULL WHERE ${CLAIMED} AND status IN ('admitted', 'active') RETURNING agent`,
        from.epoch,
        from.offset,
        beginsAfter ?? null,
        checkpointBefore,
        Number(temporary === true),
        jsonOrNull(input),
        ...valuesOf(claim),
      );
      if (!begun) return false;
      const now = this.#now();
      this.#db.run(
        `INSERT INTO threads (thread_id, agent, title, interrupts, created_at, updated_at) VALUES (?, ?, ?, '[]', ?, ?)
         ON CONFLICT DO UPDATE SET agent = excluded.agent, title = excluded.title, interrupts = '[]',
           updated_at = excluded.updated_at`,
        claim.threadId,
        String(begun.agent),
        titleOf(messages),
        now,
        now,
      );
      this.#writeMessages(claim.threadId, messages);
      return true;
    });
  }

  async takeOver(claim: Claim): Promise<Claim | undefined> {
    return this.#db.transaction(() => {
      const fence = this.#nextFence();
      const taken = this.#db.run(
        `UPDATE runs SET fence = ? WHERE ${CLAIMED} AND ${HOLDING}`,
        fence,
        ...valuesOf(claim),
      );
      return taken === 0 ? undefined : { threadId: claim.threadId, runId: claim.runId, fence };
    });
  }

  async keepMessages(...[claim, messages, beside = {}]: Parameters<Store["keepMessages"]>): Promise<void> {
    const { removed, callIds, soFar } = beside;
    const keep = `UPDATE runs SET so_far = ? WHERE ${CLAIMED} AND status = 'active'`;
    this.#db.transaction(() => {
      if (this.#db.run(keep, jsonOrNull(soFar), ...valuesOf(claim)) === 0) return;
      this.#writeMessages(claim.threadId, messages);
      this.#writeRemoved(claim.threadId, removed);
      this.#writeCallIds(claim.threadId, callIds);
    });
  }

  async ending(claim: Claim, end: RunEnding): Promise<boolean> {
    const { status, closing, messages, state, refused, interrupts, drafts = {} } = end;
    const { threadId, runId } = claim;
    return this.#db.transaction(() => {
      const stored = this.#db.run(
        `UPDATE runs SET status = 'ending', outcome = ?, closing = ?, terminal = ?, input = NULL, so_far = NULL
         WHERE ${CLAIMED} AND status = 'active'`,
        status,
        JSON.stringify(closing),
        jsonOrNull(closing.at(-1)),
        ...valuesOf(claim),
      );
      if (stored === 0) return false;
      this.#db.run("DELETE FROM injected WHERE thread_id = ?", threadId);
      this.#writeMessages(threadId, messages);
      this.#writeRemoved(threadId, end.removed);
      this.#writeCallIds(threadId, end.callIds);
      this.#db.run(
        `UPDATE threads SET state = coalesce(?, state), interrupts = ?, drafts = ?, ended_run = ?, refused = ?,
           updated_at = ? WHERE thread_id = ?`,
        jsonOrNull(state),
        JSON.stringify(interrupts),
        JSON.stringify(drafts),
        runId,
        JSON.stringify(refused),
        this.#now(),
        threadId,
      );
      return true;
    });
  }

  async ended(claim: Claim): Promise<void> {
    const ended = `UPDATE runs SET status = outcome, outcome = NULL, closing = NULL WHERE ${CLAIMED} AND status = 'ending'`;
    this.#db.run(ended, ...valuesOf(claim));
  }

  async writable(): Promise<boolean> {
    return this.#db.writable;
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  /** Fences keep growing in a new file, because a log may outlive the old one. */
  #nextFence(): number {
    return Number(this.#db.one("UPDATE fences SET last = max(last + 1, ?) RETURNING last", Date.now())?.last);
  }

  #writeRemoved(threadId: string, more: readonly Tombstone[] = []): void {
    if (more.length === 0) return;
    const row = this.#db.one("SELECT removed FROM threads WHERE thread_id = ?", threadId);
    const removed = allRemoved(JSON.parse(String(row?.removed ?? "[]")) as Tombstone[], more);
    this.#db.run("UPDATE threads SET removed = ? WHERE thread_id = ?", JSON.stringify(removed), threadId);
  }

  #writeCallIds(threadId: string, more: CallIds = {}): void {
    if (Object.keys(more).length === 0) return;
    const row = this.#db.one("SELECT call_ids FROM threads WHERE thread_id = ?", threadId);
    const known = JSON.parse(String(row?.call_ids ?? "{}")) as CallIds;
    const all = JSON.stringify({ ...known, ...more });
    this.#db.run("UPDATE threads SET call_ids = ? WHERE thread_id = ?", all, threadId);
  }

  /** Replaces the transcript. A message that is stored already costs a comparison and no write. */
  #writeMessages(threadId: string, messages: readonly Message[]): void {
    for (const [position, message] of messages.entries()) {
      this.#db.run(
        `INSERT INTO messages VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET message = excluded.message WHERE message <> excluded.message`,
        threadId,
        position,
        JSON.stringify(message),
      );
    }
    this.#db.run("DELETE FROM messages WHERE thread_id = ? AND position >= ?", threadId, messages.length);
  }
}

const CLAIMED = "thread_id = ? AND run_id = ? AND fence = ?";

function valuesOf({ threadId, runId, fence }: Claim): [string, string, number] {
  return [threadId, runId, fence];
}

const WITH_ENDING = `FROM threads
  LEFT JOIN runs ON runs.thread_id = threads.thread_id AND runs.run_id = threads.ended_run
  WHERE threads.thread_id = ?`;
