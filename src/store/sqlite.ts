/** The store in an SQLite file. Nothing in it is let go of but by `deleteThread`. */
import type { AguiEvent, Interrupt, Message } from "../protocol/events.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { Database, Row } from "./database.ts";
import { pageOf, parsePlace, titleOf } from "./listing.ts";
import {
  MAX_RUNS,
  type RunEnding,
  type RunRecord,
  type RunStatus,
  type Store,
  type ThreadPage,
  type ThreadRecord,
  type ThreadStatus,
  type ThreadSummary,
} from "./store.ts";
import { allRemoved, type Tombstone } from "./tombstones.ts";

export class SqliteStore implements Store {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number = Date.now) {
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
      ...kept(row),
      ...(row.state === null ? {} : { state: JSON.parse(String(row.state)) as JsonValue }),
      ...toStatus(row),
    };
  }

  async run(threadId: string, runId: string): Promise<RunRecord | undefined> {
    const row = this.#db.one("SELECT * FROM runs WHERE thread_id = ? AND run_id = ?", threadId, runId);
    return row && toRun(row);
  }

  async runs(threadId: string): Promise<readonly RunRecord[]> {
    const last = "SELECT * FROM runs WHERE thread_id = ? ORDER BY number DESC LIMIT ?";
    return this.#db.all(last, threadId, MAX_RUNS).reverse().map(toRun);
  }

  async activeRuns(): Promise<readonly RunRecord[]> {
    return this.#db.all("SELECT * FROM runs WHERE status = 'active' ORDER BY number").map(toRun);
  }

  async threads(limit: number, before?: string): Promise<ThreadPage> {
    const { updatedAt, threadId } = before === undefined ? { updatedAt: 1e15, threadId: "" } : parsePlace(before);
    const rows = this.#db.all(
      `SELECT ${SUMMARY} FROM threads WHERE (updated_at, thread_id) < (?, ?)
       ORDER BY updated_at DESC, thread_id DESC LIMIT ?`,
      updatedAt,
      threadId,
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

  async startRun(run: RunRecord, messages: readonly Message[]): Promise<void> {
    const { threadId, runId, agent, bodyHash, status, from, startedAt, beginsAfter, checkpointBefore, input } = run;
    const now = this.#now();
    this.#db.transaction(() => {
      this.#db.run(
        `INSERT INTO threads (thread_id, agent, title, interrupts, created_at, updated_at) VALUES (?, ?, ?, '[]', ?, ?)
         ON CONFLICT DO UPDATE SET agent = excluded.agent, title = excluded.title, interrupts = '[]',
           updated_at = excluded.updated_at`,
        threadId,
        agent,
        titleOf(messages),
        now,
        now,
      );
      this.#db.run(
        "UPDATE runs SET status = 'failed', input = NULL WHERE thread_id = ? AND status = 'active'",
        threadId,
      );
      // A run that goes on in another process has its row already, and keeps its place among the thread's runs.
      this.#db.run(
        `INSERT INTO runs (thread_id, run_id, agent, body_hash, status, from_epoch, from_offset, started_at,
           begins_after, checkpoint_before, input) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (thread_id, run_id) DO UPDATE SET agent = excluded.agent, body_hash = excluded.body_hash,
           status = excluded.status, from_epoch = excluded.from_epoch, from_offset = excluded.from_offset,
           started_at = excluded.started_at, begins_after = excluded.begins_after,
           checkpoint_before = excluded.checkpoint_before, input = excluded.input`,
        threadId,
        runId,
        agent,
        bodyHash,
        status,
        from.epoch,
        from.offset,
        startedAt,
        beginsAfter ?? null,
        checkpointBefore,
        input === undefined ? null : JSON.stringify(input),
      );
      this.#writeMessages(threadId, messages);
    });
  }

  async keepMessages(...[threadId, runId, messages, removed]: Parameters<Store["keepMessages"]>): Promise<void> {
    this.#db.transaction(() => {
      const active = "SELECT 1 FROM runs WHERE thread_id = ? AND run_id = ? AND status = 'active'";
      if (!this.#db.one(active, threadId, runId)) return;
      this.#writeMessages(threadId, messages);
      this.#writeRemoved(threadId, removed);
    });
  }

  async endRun(threadId: string, runId: string, end: RunEnding): Promise<boolean> {
    const { status, messages, state, terminal, refused, interrupts, drafts = {} } = end;
    return this.#db.transaction(() => {
      const ended = this.#db.run(
        `UPDATE runs SET status = ?, terminal = ?, input = NULL
         WHERE thread_id = ? AND run_id = ? AND status = 'active'`,
        status,
        terminal === undefined ? null : JSON.stringify(terminal),
        threadId,
        runId,
      );
      if (ended === 0) return false;
      this.#writeMessages(threadId, messages);
      this.#writeRemoved(threadId, end.removed);
      this.#db.run(
        `UPDATE threads SET state = coalesce(?, state), interrupts = ?, drafts = ?, ended_run = ?, refused = ?,
           updated_at = ? WHERE thread_id = ?`,
        state === undefined ? null : JSON.stringify(state),
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

  async deleteThread(threadId: string): Promise<boolean> {
    return this.#db.deleting(() => this.#db.run("DELETE FROM threads WHERE thread_id = ?", threadId)) > 0;
  }

  async writable(): Promise<boolean> {
    return this.#db.writable;
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #writeRemoved(threadId: string, more: readonly Tombstone[] = []): void {
    if (more.length === 0) return;
    const row = this.#db.one("SELECT removed FROM threads WHERE thread_id = ?", threadId);
    const removed = allRemoved(JSON.parse(String(row?.removed ?? "[]")) as Tombstone[], more);
    this.#db.run("UPDATE threads SET removed = ? WHERE thread_id = ?", JSON.stringify(removed), threadId);
  }

  /** Replaces the transcript. A message that is there already costs a comparison, no write. */
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

/** The state of a thread may be large, and no list shows it. */
const SUMMARY = "thread_id, title, agent, interrupts, created_at, updated_at";

const WITH_ENDING = `FROM threads
  LEFT JOIN runs ON runs.thread_id = threads.thread_id AND runs.run_id = threads.ended_run
  WHERE threads.thread_id = ?`;

function toStatus(row: Row): ThreadStatus {
  return {
    agent: String(row.agent),
    interrupts: JSON.parse(String(row.interrupts)) as Interrupt[],
    ...(row.refused === null ? {} : { refused: JSON.parse(String(row.refused)) as Record<string, number> }),
    ...(row.terminal === null
      ? {}
      : { ending: { runId: String(row.ended_run), terminal: JSON.parse(String(row.terminal)) as AguiEvent } }),
  };
}

function toRun(row: Row): RunRecord {
  return {
    threadId: String(row.thread_id),
    runId: String(row.run_id),
    agent: String(row.agent),
    bodyHash: String(row.body_hash),
    status: row.status as RunStatus,
    from: { epoch: String(row.from_epoch), offset: Number(row.from_offset) },
    startedAt: Number(row.started_at),
    ...(row.begins_after === null ? {} : { beginsAfter: String(row.begins_after) }),
    checkpointBefore: String(row.checkpoint_before),
    ...(row.input === null ? {} : { input: JSON.parse(String(row.input)) as unknown }),
  };
}

function kept(row: Row): Pick<ThreadRecord, "removed" | "drafts"> {
  return {
    ...(row.removed === "[]" ? {} : { removed: JSON.parse(String(row.removed)) as Tombstone[] }),
    ...(row.drafts === "{}" ? {} : { drafts: JSON.parse(String(row.drafts)) as Record<string, string> }),
  };
}

function toSummary(row: Row): ThreadSummary {
  return {
    threadId: String(row.thread_id),
    title: String(row.title),
    agent: String(row.agent),
    waiting: row.interrupts !== "[]",
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  };
}
