/** The processes that share a database. Postgres' clock alone decides which of them live. */
import { randomUUID } from "node:crypto";
import { SluiceError } from "../../protocol/errors.ts";
import { HOLDING, UNFINISHED } from "../deletions.ts";
import type { Following, Hears, Instances, NamedLog, Place, Wish } from "../instances.ts";
import { jsonOrNull, toRun } from "../rows.ts";
import type { Claim, RunRecord } from "../store.ts";
import type { PostgresDatabase } from "./database.ts";
import { ALIVE, BEAT_MS, DEAD_MS, Heartbeat } from "./heartbeat.ts";
import { LogAgreement, RENEW_MS } from "./log-agreement.ts";
import { CHANNEL, News } from "./news.ts";
import { LOOK_AGAIN_MS, WaitingStarts } from "./waiting-starts.ts";
import { ASK, HAND_OVER } from "./wishes.ts";

/** Milliseconds between two looks for runs whose process is gone. */
const ORPHANS_MS = 1_000;

/** The most runs that are taken up in one go. */
const ORPHANS = 32;

export class PostgresInstances implements Instances {
  readonly shared = true;
  /** The id of this process in rows. */
  readonly id = randomUUID();
  readonly #db: PostgresDatabase;
  readonly #news: News;
  readonly #starts: WaitingStarts;
  /** The last report about each thread's followers, while it is under way. */
  readonly #reports = new Map<string, Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #heartbeat: Heartbeat | undefined;
  #agreement: LogAgreement | undefined;
  #hears: Hears | undefined;
  /** The last attempt to delete the rows of dead processes failed, which was reported. */
  #isUntidy = false;
  /** The number of lapses at the last check. */
  #lapses = 0;

  constructor(database: PostgresDatabase) {
    this.#db = database;
    this.#starts = new WaitingStarts(database, this.id);
    this.#news = new News({ url: database.url, heard: this.#heard, missed: () => this.recall() });
  }

  shareLog(log: NamedLog): Promise<boolean> {
    this.#agreement = new LogAgreement(this.#db, this.id, log);
    return this.#agreement.reach();
  }

  async join(hears: Hears): Promise<void> {
    this.#hears = hears;
    this.#heartbeat = new Heartbeat(this.#db.url, this.id);
    await Promise.all([this.#heartbeat.begun(), this.#open()]);
    this.#every(LOOK_AGAIN_MS, () => this.#checkLease());
    this.#every(LOOK_AGAIN_MS, () => void this.#starts.forgetLeft());
    this.#every(BEAT_MS, () => this.recall());
    this.#every(ORPHANS_MS, () => hears.orphaned());
    this.#every(BEAT_MS, () => void this.#tidy());
    // Errors are ignored: while Redis or Postgres is away, no other process can start either.
    this.#every(RENEW_MS, () => void this.#agreement?.renew().catch(() => {}));
  }

  async drain(): Promise<void> {
    // When the database is away, nothing is handed over either.
    await this.#db.run("UPDATE instances SET leaving = true WHERE instance = $1", this.id).catch(() => {});
  }

  async hasSuccessor(): Promise<boolean> {
    const other = `SELECT 1 FROM instances WHERE instance <> $1 AND NOT leaving AND ${ALIVE} LIMIT 1`;
    return (await this.#db.one(other, this.id)) !== undefined;
  }

  async handOver({ threadId, runId, fence }: Claim, input?: unknown): Promise<boolean> {
    return (await this.#db.one(HAND_OVER, threadId, runId, fence, jsonOrNull(input), CHANNEL)) !== undefined;
  }

  async leave(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      // Before the process's row is deleted: only a run without an owner counts as left in good order.
      await this.#db.run(`UPDATE runs SET owner = NULL WHERE owner = $1 AND ${HOLDING}`, this.id);
      await Promise.all([
        this.#db.run("DELETE FROM followers WHERE instance = $1", this.id),
        this.#db.run("DELETE FROM waiting_starts WHERE instance = $1", this.id),
        this.#notify("left"),
      ]);
    } catch {
      // The database is away. The others notice by themselves that this process is gone.
    }
    await this.#heartbeat?.end();
    await this.#news.close().catch(() => {});
  }

  get lapses(): number {
    return this.#heartbeat?.lapses ?? 0;
  }

  isElsewhere({ owner }: RunRecord): boolean {
    return owner !== this.id;
  }

  isReleased({ owner }: RunRecord): boolean {
    return owner === undefined;
  }

  async elsewhere(threadId: string): Promise<RunRecord | undefined> {
    const row = await this.#db.one(
      `SELECT * FROM runs WHERE thread_id = $1 AND ${HOLDING} AND owner IS DISTINCT FROM $2`,
      threadId,
      this.id,
    );
    return row && toRun(row);
  }

  async heldElsewhere(threadIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#db.all(
      `SELECT thread_id FROM runs WHERE thread_id = ANY($1) AND ${HOLDING} AND owner IS DISTINCT FROM $2`,
      threadIds,
      this.id,
    );
    return new Set(rows.map((row) => String(row.thread_id)));
  }

  async orphans(): Promise<readonly RunRecord[]> {
    const gone = this.#isCertain ? `NOT (${ALIVE})` : "false";
    const rows = await this.#db.all(
      `SELECT runs.* FROM runs LEFT JOIN instances ON instances.instance = runs.owner
       WHERE ${UNFINISHED} AND (instances.instance IS NULL OR ${gone}) ORDER BY fence LIMIT ${ORPHANS}`,
    );
    return rows.map(toRun);
  }

  async ask(threadId: string, wish: Wish): Promise<boolean> {
    return (await this.#db.run(ASK[wish], threadId, CHANNEL, `${wish} ${threadId}`)) > 0;
  }

  refused(threadId: string): Promise<void> {
    return this.#notify(`freed ${threadId}`);
  }

  isAwaited(threadId: string): Promise<boolean> {
    return this.#starts.isAwaited(threadId);
  }

  enter(threadId: string): Promise<Place> {
    return this.#starts.enter(threadId);
  }

  async followed(threadId: string): Promise<Following | undefined> {
    const row = await this.#db.one(
      `SELECT max(of_graph::int) AS graph FROM followers JOIN instances USING (instance)
       WHERE thread_id = $1 AND instance <> $2 AND ${ALIVE}`,
      threadId,
      this.id,
    );
    return row?.graph === null || row === undefined ? undefined : { graph: row.graph === 1 };
  }

  follows(threadId: string, following: Following | undefined): void {
    const report = async () => {
      if (!following) {
        await this.#db.run("DELETE FROM followers WHERE thread_id = $1 AND instance = $2", threadId, this.id);
        return;
      }
      await this.#db.run(
        `INSERT INTO followers VALUES ($1, $2, $3::int::boolean)
         ON CONFLICT (thread_id, instance) DO UPDATE SET of_graph = excluded.of_graph`,
        threadId,
        this.id,
        following.graph ? 1 : 0,
      );
    };
    // Reports are sent in order. A lost report can make a run go on too long or end too early, but its readers come
    // back.
    const done = (this.#reports.get(threadId) ?? Promise.resolve()).then(report).catch(() => {});
    this.#reports.set(threadId, done);
    void done.then(() => {
      if (this.#reports.get(threadId) === done) this.#reports.delete(threadId);
    });
  }

  async #open(): Promise<void> {
    try {
      await this.#news.open();
    } catch (cause) {
      throw new SluiceError("storage_unavailable", undefined, { cause });
    }
  }

  readonly #heard = (message: string) => {
    const [kind = "", ...rest] = message.split(" ");
    const threadId = rest.join(" ");
    if (kind === "left") this.#hears?.orphaned();
    else if (kind === "freed") this.#starts.wake(threadId);
    else if (kind in ASK) this.#hears?.asked(threadId, kind as Wish);
  };

  /** Messages may have been lost. Reads everything that they would have reported. */
  recall(): void {
    this.#starts.wakeAll();
    this.#db
      .all(
        `SELECT thread_id, cancel_wanted::int AS cancel, graph_wanted::int AS graph FROM runs
         WHERE owner = $1 AND ${HOLDING} AND (cancel_wanted OR graph_wanted)`,
        this.id,
      )
      .then((rows) => {
        for (const { thread_id: threadId, cancel, graph } of rows) {
          if (cancel === 1) this.#hears?.asked(String(threadId), "cancel");
          if (graph === 1) this.#hears?.asked(String(threadId), "graph");
        }
      })
      .catch(() => {}); // The database is away. The lease handles that.
  }

  #checkLease(): void {
    const { lapses } = this;
    if (lapses > this.#lapses) this.#hears?.lost();
    this.#lapses = lapses;
  }

  async #notify(message: string): Promise<void> {
    await this.#db.run("SELECT pg_notify($1, $2)", CHANNEL, message);
  }

  /** After the database was away, all heartbeats are old. Living processes send a new one within `DEAD_MS`. */
  get #isCertain(): boolean {
    return (this.#heartbeat?.unbrokenMs ?? 0) >= DEAD_MS;
  }

  /** Deletes the rows of dead processes whose runs have all been taken up. */
  async #tidy(): Promise<void> {
    if (!this.#isCertain) return;
    try {
      await this.#db.run(`DELETE FROM instances WHERE NOT (${ALIVE}) AND NOT EXISTS (
        SELECT 1 FROM runs WHERE owner = instance AND ${HOLDING})`);
      for (const table of ["followers", "waiting_starts"]) {
        await this.#db.run(`DELETE FROM ${table} WHERE instance NOT IN (SELECT instance FROM instances)`);
      }
      this.#isUntidy = false;
    } catch (error) {
      if (!this.#isUntidy) this.#hears?.failed(error);
      this.#isUntidy = true;
    }
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.#timers.push(timer);
  }
}
