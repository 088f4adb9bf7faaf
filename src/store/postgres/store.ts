/** The store in Postgres, which several processes share. */
import type { Message } from "../../protocol/events.ts";
import type { CallIds } from "../../protocol/ids.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { HOLDING, TableDeletions, UNFINISHED } from "../deletions.ts";
import { TableInjected } from "../injected.ts";
import { pageOf, parsePlace, titleOf } from "../listing.ts";
import { EVERYBODY } from "../names.ts";
import { jsonOrNull, optionalFields, SUMMARY, toRun, toStatus, toSummary } from "../rows.ts";
import { type Shares, TableShares } from "../shares.ts";
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
} from "../store.ts";
import { ownedBy, TableNames } from "../table-names.ts";
import { TableTickets, type Tickets } from "../tickets.ts";
import { allRemoved, type Tombstone } from "../tombstones.ts";
import type { PostgresDatabase, Queries } from "./database.ts";
import { CHANNEL } from "./news.ts";
import { PostgresTables } from "./tables.ts";

export class PostgresStore extends TableNames implements Store {
  readonly engine = "postgres";
  readonly comesBack = true;
  readonly tickets: Tickets;
  readonly injected: TableInjected;
  readonly shares: Shares;
  readonly deletions: TableDeletions;
  readonly #db: PostgresDatabase;
  /** The id of this process in the rows of its runs. */
  readonly #owner: string | null;
  readonly #now: () => number;

  constructor(database: PostgresDatabase, owner: string | null = null, now: () => number = Date.now) {
    const tables = new PostgresTables(database);
    super(tables, now);
    this.#owner = owner;
    this.tickets = new TableTickets(tables, now);
    this.injected = new TableInjected(tables);
    this.shares = new TableShares(tables, now);
    this.deletions = new TableDeletions(tables, now);
    this.#db = database;
    this.#now = now;
  }

  async thread(threadId: string): Promise<ThreadRecord | undefined> {
    // It is one statement, because another process may replace the transcript between two statements.
    const messages = "SELECT message FROM messages m WHERE m.thread_id = threads.thread_id ORDER BY position";
    const row = await this.#db.one(
      `SELECT threads.*, runs.terminal, ARRAY(${messages}) AS said ${WITH_ENDING}`,
      threadId,
    );
    if (!row) return undefined;
    return {
      threadId,
      messages: (row.said as unknown as string[]).map((message) => JSON.parse(message) as Message),
      createdAt: Number(row.created_at),
      updatedAt: Number(row.updated_at),
      ...optionalFields(row),
      ...(row.state === null ? {} : { state: JSON.parse(String(row.state)) as JsonValue }),
      ...toStatus(row),
    };
  }

  async run(threadId: string, runId: string): Promise<RunRecord | undefined> {
    const row = await this.#db.one("SELECT * FROM runs WHERE thread_id = $1 AND run_id = $2", threadId, runId);
    return row && toRun(row);
  }

  async runs(threadId: string): Promise<readonly BegunRun[]> {
    const last = "SELECT * FROM runs WHERE thread_id = $1 ORDER BY number DESC LIMIT $2";
    return (await this.#db.all(last, threadId, MAX_RUNS)).reverse().map(toRun).filter(isBegun);
  }

  async unfinished(): Promise<readonly RunRecord[]> {
    return (await this.#db.all(`SELECT * FROM runs WHERE ${UNFINISHED} ORDER BY fence`)).map(toRun);
  }

  async threads(limit: number, before?: string, owner = EVERYBODY): Promise<ThreadPage> {
    const { updatedAt, threadId } = before === undefined ? { updatedAt: 1e15, threadId: "" } : parsePlace(before);
    const [owned, ...values] = ownedBy(owner);
    const rows = await this.#db.all(
      `SELECT ${SUMMARY} FROM threads WHERE (updated_at, thread_id) < ($1, $2 COLLATE "C")
       AND ${owned.replace("?", "$4")} ORDER BY updated_at DESC, thread_id DESC LIMIT $3`,
      updatedAt,
      threadId,
      limit + 1,
      ...values,
    );
    return pageOf(rows.map(toSummary), limit);
  }

  async threadSummary(threadId: string): Promise<ThreadSummary | undefined> {
    const row = await this.#db.one(`SELECT ${SUMMARY} FROM threads WHERE thread_id = $1`, threadId);
    return row && toSummary(row);
  }

  async threadStatus(threadId: string): Promise<ThreadStatus | undefined> {
    const columns = "threads.agent, threads.interrupts, threads.refused, threads.ended_run, runs.terminal";
    const row = await this.#db.one(`SELECT ${columns} ${WITH_ENDING}`, threadId);
    return row && toStatus(row);
  }

  async markThread(threadId: string, { name, archived }: ThreadMarks): Promise<boolean> {
    const mark = "UPDATE threads SET name = coalesce($2, name), archived = coalesce($3, archived) WHERE thread_id = $1";
    return (await this.#db.run(mark, threadId, name ?? null, archived === undefined ? null : Number(archived))) > 0;
  }

  async admit({ threadId, runId, agent, bodyHash, startedAt }: NewRun): Promise<Admitted> {
    for (;;) {
      const inserted = await this.#db.one(
        `INSERT INTO runs (thread_id, run_id, agent, body_hash, status, fence, started_at, owner)
         VALUES ($1, $2, $3, $4, 'admitted', nextval('fences'), $5, $6) ON CONFLICT DO NOTHING RETURNING fence`,
        threadId,
        runId,
        agent,
        bodyHash,
        startedAt,
        this.#owner,
      );
      if (inserted) return { fence: Number(inserted.fence) };
      const inTheWay = await this.#db.one(
        `SELECT * FROM runs WHERE thread_id = $1 AND (run_id = $2 OR ${HOLDING})
         ORDER BY (run_id = $2) DESC LIMIT 1`,
        threadId,
        runId,
      );
      if (inTheWay) return { inTheWay: toRun(inTheWay) };
      // The run in the way released the thread between the two statements.
    }
  }

  async withdraw(claim: Claim): Promise<void> {
    await this.#db.run(
      freeing(`DELETE FROM runs WHERE ${CLAIMED} AND status IN ('admitted', 'deleting')`),
      ...valuesOf(claim),
    );
  }

  async begin(claim: Claim, beginning: RunBeginning, messages: readonly Message[]): Promise<boolean> {
    const { from, graphFrom, beginsAfter, checkpointBefore, temporary, input } = beginning;
    return this.#db.transaction(async (queries) => {
      const begun = await queries.one(
        `UPDATE runs SET status = 'active', from_epoch = $4, from_offset = $5, begins_after = $6,
           checkpoint_before = $7, input = $8, graph_epoch = $9, graph_offset = $10, temporary = $11,
           so_far = NULL
         WHERE ${CLAIMED} AND status IN ('admitted', 'active') RETURNING agent`,
        ...valuesOf(claim),
        from.epoch,
        from.offset,
        beginsAfter ?? null,
        checkpointBefore,
        jsonOrNull(input),
        graphFrom?.epoch ?? null,
        graphFrom?.offset ?? null,
        Number(temporary === true),
      );
      if (!begun) return false;
      await queries.run(
        `INSERT INTO threads (thread_id, agent, title, interrupts, created_at, updated_at)
         VALUES ($1, $2, $3, '[]', $4, $4)
         ON CONFLICT (thread_id) DO UPDATE SET agent = excluded.agent, title = excluded.title, interrupts = '[]',
           updated_at = excluded.updated_at`,
        claim.threadId,
        String(begun.agent),
        titleOf(messages),
        this.#now(),
      );
      await writeMessages(queries, claim.threadId, messages);
      return true;
    });
  }

  async takeOver(claim: Claim): Promise<Claim | undefined> {
    const row = await this.#db.one(
      `UPDATE runs SET fence = nextval('fences'), owner = $4 WHERE ${CLAIMED} AND ${HOLDING} RETURNING fence`,
      ...valuesOf(claim),
      this.#owner,
    );
    return row && { threadId: claim.threadId, runId: claim.runId, fence: Number(row.fence) };
  }

  async keepMessages(...[claim, messages, beside = {}]: Parameters<Store["keepMessages"]>): Promise<void> {
    const { removed, callIds, soFar } = beside;
    const keep = `UPDATE runs SET so_far = $4 WHERE ${CLAIMED} AND status = 'active'`;
    await this.#db.transaction(async (queries) => {
      if ((await queries.run(keep, ...valuesOf(claim), jsonOrNull(soFar))) === 0) return;
      await writeMessages(queries, claim.threadId, messages);
      await writeRemoved(queries, claim.threadId, removed);
      await writeCallIds(queries, claim.threadId, callIds);
    });
  }

  async ending(claim: Claim, end: RunEnding): Promise<boolean> {
    const { status, closing, messages, state, refused, interrupts, drafts = {} } = end;
    const { threadId, runId } = claim;
    return this.#db.transaction(async (queries) => {
      const stored = await queries.run(
        `UPDATE runs SET status = 'ending', outcome = $4, closing = $5, terminal = $6, input = NULL, so_far = NULL
         WHERE ${CLAIMED} AND status = 'active'`,
        ...valuesOf(claim),
        status,
        JSON.stringify(closing),
        jsonOrNull(closing.at(-1)),
      );
      if (stored === 0) return false;
      await queries.run("DELETE FROM injected WHERE thread_id = $1", threadId);
      await writeMessages(queries, threadId, messages);
      await writeRemoved(queries, threadId, end.removed);
      await writeCallIds(queries, threadId, end.callIds);
      await queries.run(
        `UPDATE threads SET state = coalesce($2, state), interrupts = $3, drafts = $4, ended_run = $5,
           refused = $6, updated_at = $7 WHERE thread_id = $1`,
        threadId,
        jsonOrNull(state),
        JSON.stringify(interrupts),
        JSON.stringify(drafts),
        runId,
        JSON.stringify(refused),
        this.#now(),
      );
      return true;
    });
  }

  async ended(claim: Claim): Promise<void> {
    await this.#db.run(
      freeing(
        `UPDATE runs SET status = outcome, outcome = NULL, closing = NULL WHERE ${CLAIMED} AND status = 'ending'`,
      ),
      ...valuesOf(claim),
    );
  }

  writable(): Promise<boolean> {
    return this.#db.writable();
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

async function writeRemoved(queries: Queries, threadId: string, more: readonly Tombstone[] = []): Promise<void> {
  if (more.length === 0) return;
  const row = await queries.one("SELECT removed FROM threads WHERE thread_id = $1", threadId);
  const removed = allRemoved(JSON.parse(String(row?.removed ?? "[]")) as Tombstone[], more);
  await queries.run("UPDATE threads SET removed = $2 WHERE thread_id = $1", threadId, JSON.stringify(removed));
}

async function writeCallIds(queries: Queries, threadId: string, more: CallIds = {}): Promise<void> {
  if (Object.keys(more).length === 0) return;
  const row = await queries.one("SELECT call_ids FROM threads WHERE thread_id = $1", threadId);
  const known = JSON.parse(String(row?.call_ids ?? "{}")) as CallIds;
  const all = JSON.stringify({ ...known, ...more });
  await queries.run("UPDATE threads SET call_ids = $2 WHERE thread_id = $1", threadId, all);
}

/** Replaces the transcript. A message that is stored already costs a comparison and no write. */
async function writeMessages(queries: Queries, threadId: string, messages: readonly Message[]): Promise<void> {
  await queries.run(
    `INSERT INTO messages SELECT $1, number - 1, message
       FROM unnest($2::text[]) WITH ORDINALITY AS said (message, number)
     ON CONFLICT (thread_id, position) DO UPDATE SET message = excluded.message
       WHERE messages.message <> excluded.message`,
    threadId,
    messages.map((message) => JSON.stringify(message)),
  );
  await queries.run("DELETE FROM messages WHERE thread_id = $1 AND position >= $2", threadId, messages.length);
}

const CLAIMED = "thread_id = $1 AND run_id = $2 AND fence = $3";

/** The statement, with a message to starts of other processes that wait for the thread. */
function freeing(statement: string): string {
  return `WITH freed AS (${statement} RETURNING thread_id)
    SELECT pg_notify('${CHANNEL}', 'freed ' || thread_id) FROM freed
    WHERE EXISTS (SELECT 1 FROM waiting_starts WHERE waiting_starts.thread_id = freed.thread_id)`;
}

function valuesOf({ threadId, runId, fence }: Claim): [string, string, number] {
  return [threadId, runId, fence];
}

const WITH_ENDING = `FROM threads
  LEFT JOIN runs ON runs.thread_id = threads.thread_id AND runs.run_id = threads.ended_run
  WHERE threads.thread_id = $1`;
