/**
 * Processes that share a database have to share a log. With different logs, each would write the ends of the other's
 * runs where their readers do not see them. The log carries a name, and each process's row has the name of the log that
 * it writes.
 *
 * A starting process cannot know whether a log without a name is another log or lost its name. So only a living process
 * gives a log its name again: if Redis lost everything, the name is back at the next check of a living process.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { NamedLog } from "../instances.ts";
import type { PostgresDatabase } from "./database.ts";
import { ALIVE } from "./heartbeat.ts";

/** Milliseconds between two checks of the log's name by a living process. */
export const RENEW_MS = 2_000;

/** A process that still reports after this time has had time to name the log. */
const RENEWED_MS = RENEW_MS + 1_000;

/** Milliseconds between two checks of a starting process. */
const LOOK_MS = 250;

/** The key of the lock under which one process at a time compares the names. */
const AGREEMENT_LOCK = 7_358_245;

export class LogAgreement {
  readonly #db: PostgresDatabase;
  readonly #instance: string;
  readonly #log: NamedLog;
  #name: string | undefined;

  constructor(database: PostgresDatabase, instance: string, log: NamedLog) {
    this.#db = database;
    this.#instance = instance;
    this.#log = log;
  }

  /**
   * Makes this process's row. `false` when a living process writes another log. Waits until rows of dead processes no
   * longer count.
   */
  async reach(): Promise<boolean> {
    const begun = String((await this.#db.one("SELECT now()::text AS now"))?.now);
    for (;;) {
      this.#name = (await this.#log.name()) ?? (await this.#nameFirst());
      if (this.#name !== undefined && (await this.#enter(this.#name))) return true;
      if (await this.#isRefused(begun)) return false;
      await sleep(LOOK_MS);
    }
  }

  /**
   * Gives the log its name again, if it lost it. A log that got a new name while this process was halted keeps the new
   * name.
   */
  async renew(): Promise<void> {
    this.#name = await this.#log.name(this.#name);
    await this.#db.run(
      "UPDATE instances SET log = $2 WHERE instance = $1 AND log IS DISTINCT FROM $2",
      this.#instance,
      this.#name ?? null,
    );
  }

  /** Names a log that has no name, unless a living process knows its name. */
  async #nameFirst(): Promise<string | undefined> {
    const known = await this.#db.one(`SELECT 1 FROM instances WHERE log IS NOT NULL AND ${ALIVE} LIMIT 1`);
    return known ? undefined : this.#log.name(randomUUID());
  }

  #enter(name: string): Promise<boolean> {
    return this.#db.transaction(async (queries) => {
      await queries.one("SELECT pg_advisory_xact_lock($1)", AGREEMENT_LOCK);
      const entered = await queries.run(
        `INSERT INTO instances (instance, log) SELECT $1, $2
         WHERE NOT EXISTS (SELECT 1 FROM instances WHERE log <> $2 AND ${ALIVE})`,
        this.#instance,
        name,
      );
      return entered > 0;
    });
  }

  async #isRefused(begun: string): Promise<boolean> {
    const other = await this.#db.one(
      `SELECT 1 FROM instances WHERE log IS DISTINCT FROM $1 AND log IS NOT NULL
       AND seen_at > $2::timestamptz + interval '${RENEWED_MS} milliseconds' LIMIT 1`,
      this.#name ?? null,
      begun,
    );
    return other !== undefined;
  }
}
