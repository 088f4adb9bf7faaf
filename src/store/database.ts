/** One SQLite file, open in one process. The driver is synchronous: a write is in the file when its call returns. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import Sqlite from "libsql";
import { SluiceError } from "../protocol/errors.ts";
import { messageOf } from "../protocol/redact.ts";
import { lockHolder } from "./lock-holder.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { Row, SqlValue, Statement, Tables } from "./tables.ts";

class NewerVersion extends Error {}

const PROBE_BYTES = 65_536;

/**
 * The number of 4 KiB pages that one step gives back, and the most steps after one deletion. Moving pages takes time.
 */
const STEP_PAGES = 64;
const MOST_STEPS = 128;

const RESERVE_BYTES = 1_048_576;

export class Database implements Tables {
  readonly file: string;
  readonly #sqlite: Sqlite.Database;
  readonly #statements = new Map<string, Sqlite.Statement>();
  #failing = false;
  #closed = false;

  private constructor(file: string, sqlite: Sqlite.Database) {
    this.file = file;
    this.#sqlite = sqlite;
  }

  /**
   * Opens `file` for this process alone. Creates it when it is missing, and brings its tables up to date.
   * @throws Error with one line that names the file and says what is wrong.
   */
  static open(file: string): Database {
    let sqlite: Sqlite.Database | undefined;
    try {
      mkdirSync(dirname(file), { recursive: true });
      sqlite = new Sqlite(file);
      takeAlone(sqlite);
      const database = new Database(file, sqlite);
      database.#migrate();
      database.#learnToShrink();
      database.#fillReserve();
      return database;
    } catch (error) {
      sqlite?.close();
      throw new Error(`${file} ${problem(error, file)}`, { cause: error });
    }
  }

  one(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.all(sql, ...values)[0];
  }

  all(sql: string, ...values: SqlValue[]): Row[] {
    return this.#guard(() => this.#statement(sql).all(values) as Row[]);
  }

  /** The number of rows that were changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.#guard(() => this.#statement(sql).run(values).changes);
  }

  /** Writes all that `work` writes, or none of it. */
  transaction<T>(work: () => T): T {
    this.#exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#exec("COMMIT");
      return result;
    } catch (error) {
      // On a full disk SQLite rolls back by itself. Then nothing is left to roll back.
      if (this.#sqlite.inTransaction) this.#exec("ROLLBACK");
      throw error;
    }
  }

  write(...statements: readonly Statement[]): void {
    this.transaction(() => {
      for (const statement of statements) this.run(...statement);
    });
  }

  erase(...statements: readonly Statement[]): void {
    this.deleting(() => this.write(...statements));
  }

  /**
   * Runs `work`, which deletes, and gives the space back. If the disk is full, `work` runs again without the reserve,
   * because a deletion itself needs space.
   */
  deleting<T>(work: () => T): T {
    let result: T;
    try {
      result = work();
    } catch {
      rmSync(this.#reserve, { force: true });
      result = work();
    }
    this.#shrink();
    this.#fillReserve();
    return result;
  }

  #fillReserve(): void {
    try {
      if (!existsSync(this.#reserve)) writeFileSync(this.#reserve, Buffer.alloc(RESERVE_BYTES, 1));
    } catch {
      // The disk is full. A smaller reserve is no worse than none.
      rmSync(this.#reserve, { force: true });
    }
  }

  /** Gives space back in small steps: each step takes space in the write-ahead log before it gives any back. */
  #shrink(): void {
    try {
      this.#emptyLog();
      for (
        let step = 0;
        step < MOST_STEPS && Number(this.one("PRAGMA freelist_count")?.freelist_count) > 0;
        step += 1
      ) {
        this.#sqlite.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`);
        this.#emptyLog();
      }
    } catch {
      // The rows are deleted, and new rows use their space. The next deletion gives back the rest.
    }
  }

  /** Makes SQLite write the write-ahead log from its beginning again. Its file keeps its size. */
  #emptyLog(): void {
    this.#sqlite.exec("PRAGMA wal_checkpoint(RESTART)");
  }

  /**
   * Reports whether the file can be written. It tries the disk only after a write failed, and with more than a few
   * bytes, since a full disk still has room for small values here and there.
   */
  get writable(): boolean {
    if (this.#closed) return false;
    if (!this.#failing) return true;
    try {
      this.#exec("CREATE TABLE IF NOT EXISTS probe (filler BLOB) STRICT");
      this.run("INSERT INTO probe VALUES (zeroblob(?))", PROBE_BYTES);
      this.#exec("DROP TABLE probe");
      this.#failing = false;
    } catch {
      // It still fails.
    }
    return !this.#failing;
  }

  /** The most pages the file may have; for tests of a full disk. */
  set maxPages(pages: number) {
    this.#sqlite.pragma(`max_page_count = ${pages}`);
  }

  /** Closes the file. Afterwards it is a single file again. Closing twice changes nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    // The driver keeps the connection and its lock until every prepared statement is garbage-collected. So the file
    // leaves WAL mode, which keeps the lock, and gives the lock up before it closes.
    try {
      this.#sqlite.pragma("journal_mode = DELETE");
      this.#sqlite.pragma("locking_mode = NORMAL");
      this.#sqlite.prepare("SELECT count(*) FROM sqlite_schema").all();
    } catch {
      // The disk is full, or the file was deleted. Nothing more can be saved, and the process ends.
    }
    this.#sqlite.close();
    rmSync(this.#reserve, { force: true });
  }

  /** Space that is freed for deletions when the disk is full. */
  get #reserve(): string {
    return `${this.file}-reserve`;
  }

  #statement(sql: string): Sqlite.Statement {
    if (this.#closed) throw new Error("The database is closed.");
    const known = this.#statements.get(sql) ?? this.#sqlite.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #exec(sql: string): void {
    this.#guard(() => this.#sqlite.exec(sql));
  }

  #migrate(): void {
    const version = Number(this.one("PRAGMA user_version")?.user_version);
    if (version > MIGRATIONS.length) throw new NewerVersion("was written by a newer version of Sluice.");
    if (version === MIGRATIONS.length) return;
    this.transaction(() => {
      for (const step of MIGRATIONS.slice(version)) this.#exec(step);
      this.#exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    });
  }

  /** Rewrites a file of an earlier version once, so that deletions can give space back. */
  #learnToShrink(): void {
    if (Number(this.one("PRAGMA auto_vacuum")?.auto_vacuum) !== 0) return;
    try {
      this.#sqlite.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
    } catch {
      // Rewriting needs as much space again, and the disk may not have it. New rows use deleted rows' space all the
      // same.
    }
  }

  /** An error here is the storage's fault, so clients may try again. */
  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      this.#failing = true;
      throw new SluiceError("storage_unavailable", undefined, { cause });
    }
  }
}

function takeAlone(sqlite: Sqlite.Database): void {
  // This comes before the first table: a file that has tables would have to be rewritten as a whole.
  sqlite.pragma("auto_vacuum = INCREMENTAL");
  // This comes before the first read: then the WAL's index is in this process's memory, and no other process can open
  // the file.
  sqlite.pragma("locking_mode = EXCLUSIVE");
  sqlite.pragma("journal_mode = WAL");
  // A crash of the process loses nothing. A crash of the machine may lose the last writes, but never damages the file.
  sqlite.pragma("synchronous = NORMAL");
  sqlite.pragma("foreign_keys = ON");
  sqlite.exec("BEGIN EXCLUSIVE; COMMIT");
}

/** The rest of a sentence that begins with the file's name. */
function problem(error: unknown, file: string): string {
  const cause = error instanceof SluiceError ? error.cause : error;
  const code = String((cause as { code?: unknown } | undefined)?.code ?? "");
  if (code.startsWith("SQLITE_BUSY")) {
    const pid = lockHolder(file);
    const holder = pid === undefined ? "another process" : `process ${pid}`;
    return `is in use by ${holder}. Stop it, or choose another folder.`;
  }
  if (code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT")) return "is damaged, or no SQLite database.";
  if (cause instanceof NewerVersion) return cause.message;
  const message = messageOf(cause).split("\n")[0] ?? "";
  // The driver's message for a file that it cannot open does not help anybody.
  return `cannot be opened: ${message.startsWith("ConnectionFailed") ? "no file can be made there." : message}`;
}
