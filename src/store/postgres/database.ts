/** A Postgres database that several processes share: a pool of connections, and the tables in a schema of their own. */
import pg from "pg";
import { SluiceError } from "../../protocol/errors.ts";
import { messageOf } from "../../protocol/redact.ts";
import type { Row, SqlValue } from "../tables.ts";
import { POSTGRES_MIGRATIONS } from "./migrations.ts";

type Value = SqlValue | readonly string[];

/** Milliseconds that a connection may take. */
const CONNECT_MS = 5_000;

/**
 * Milliseconds that a statement may take. Postgres enforces it, and so does this process if Postgres does not answer.
 */
const STATEMENT_MS = 30_000;
const ANSWER_MS = 35_000;

/** Milliseconds that a probe may take. */
const PROBE_MS = 2_000;

/**
 * Milliseconds after which Postgres ends an idle transaction: a process that was halted in one would keep its locks.
 */
const IDLE_MS = 8_000;

const SCHEMA = "sluice";

/** Names the lock under which one process at a time brings the tables up to date. */
const MIGRATION_LOCK = 7_358_243;

/** Names the lock that one process has to itself, or several share. */
const ALONE_LOCK = 7_358_244;

const OLDEST_VERSION = 14;

/** An error whose message alone says what is wrong. */
class Unusable extends Error {}

/** Statements with `$1` in the place of values, on one connection, or on any of the pool. */
export class Queries {
  readonly #on: pg.Pool | pg.PoolClient;

  constructor(on: pg.Pool | pg.PoolClient) {
    this.#on = on;
  }

  async one(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0];
  }

  async all(sql: string, ...values: Value[]): Promise<Row[]> {
    return (await guarded(() => this.#on.query<Row>(sql, values))).rows;
  }

  /** The number of rows that were changed. */
  async run(sql: string, ...values: Value[]): Promise<number> {
    return (await guarded(() => this.#on.query(sql, values))).rowCount ?? 0;
  }

  /** Several statements without values. */
  async script(sql: string): Promise<void> {
    await guarded(() => this.#on.query(sql));
  }
}

export class PostgresDatabase extends Queries {
  /** For connections beside the pool. */
  readonly url: string;
  readonly #pool: pg.Pool;
  #lock: pg.PoolClient | undefined;
  #closed = false;

  private constructor(pool: pg.Pool, url: string) {
    super(pool);
    this.#pool = pool;
    this.url = url;
  }

  /**
   * Connects, and brings the tables up to date: once, however many processes start together.
   * @throws Error with one line that says what is wrong. It does not repeat the address, which may hold a password.
   */
  static async open(url: string): Promise<PostgresDatabase> {
    const pool = new pg.Pool({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      query_timeout: ANSWER_MS,
      idle_in_transaction_session_timeout: IDLE_MS,
      keepAlive: true,
      application_name: "sluice",
      onConnect: async (client) => {
        await client.query(`SET search_path TO ${SCHEMA}`);
      },
    });
    // The next statement replaces an idle connection that broke, and reports it if that fails too.
    pool.on("error", () => {});
    const database = new PostgresDatabase(pool, url);
    try {
      await database.transaction(migrate);
      return database;
    } catch (error) {
      await database.close();
      throw new Error(problem(error), { cause: error });
    }
  }

  /**
   * Locks the database for this process until it releases its connection or dies. If the connection breaks, another
   * process may take the lock. It takes the runs over under new fences, and this process writes nothing more for them.
   * @throws Error when another process uses the database.
   */
  async takeAlone(): Promise<void> {
    if (await this.#take("pg_try_advisory_lock")) return;
    throw new Error(
      "the database is in use by another process. Stop it, choose another, or set REDIS_URL for all that share it.",
    );
  }

  /**
   * Locks the database against processes that need it for themselves.
   * @throws Error when such a process uses the database.
   */
  async takeShared(): Promise<void> {
    if (await this.#take("pg_try_advisory_lock_shared")) return;
    throw new Error("the database is in use by a process without REDIS_URL. Stop it, or choose another.");
  }

  /** Runs `work` in a transaction: all of its writes are made, or none. */
  async transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    const client = await guarded(() => this.#pool.connect());
    const queries = new Queries(client);
    let broken = false;
    // Postgres may end the connection between two statements. The next statement reports it.
    const breaks = () => {
      broken = true;
    };
    client.on("error", breaks);
    try {
      await queries.script("BEGIN");
      const result = await work(queries);
      await queries.script("COMMIT");
      return result;
    } catch (error) {
      // A connection that cannot even roll back is closed.
      await queries.script("ROLLBACK").catch(breaks);
      throw error;
    } finally {
      client.off("error", breaks);
      client.release(broken);
    }
  }

  /** Can rows be written? */
  async writable(): Promise<boolean> {
    if (this.#closed) return false;
    try {
      const asked = { text: "SELECT pg_is_in_recovery()::int AS standby", query_timeout: PROBE_MS };
      return (await this.#pool.query<Row>(asked)).rows[0]?.standby === 0;
    } catch {
      return false; // After any error, rows cannot be written.
    }
  }

  /** Ends the connections. Closing twice changes nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#letOthersIn();
    await this.#pool.end();
  }

  async #take(lock: string): Promise<boolean> {
    const client = await guarded(() => this.#pool.connect());
    this.#lock = client;
    client.on("error", () => this.#letOthersIn());
    const taken = await new Queries(client).one(`SELECT ${lock}($1)::int AS taken`, ALONE_LOCK);
    return taken?.taken === 1;
  }

  #letOthersIn(): void {
    this.#lock?.release(true);
    this.#lock = undefined;
  }
}

async function migrate(queries: Queries): Promise<void> {
  const server = Number((await queries.one("SHOW server_version_num"))?.server_version_num);
  if (server < OLDEST_VERSION * 10_000) {
    throw new Unusable(
      `the server is Postgres ${Math.floor(server / 10_000)}, and ${OLDEST_VERSION} or newer is needed.`,
    );
  }
  await queries.one("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK);
  await queries.script(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
  await queries.script("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)");
  const version = Number((await queries.one("SELECT version FROM schema_version"))?.version ?? 0);
  if (version > POSTGRES_MIGRATIONS.length) throw new Unusable("it was written by a newer version of Sluice.");
  if (version < POSTGRES_MIGRATIONS.length) {
    for (const step of POSTGRES_MIGRATIONS.slice(version)) await queries.script(step);
    await queries.run("DELETE FROM schema_version");
    await queries.run("INSERT INTO schema_version VALUES ($1)", POSTGRES_MIGRATIONS.length);
  }
  // Fences must keep growing in a database that is new or was restored: a log may outlive a database.
  await queries.one("SELECT setval('fences', $1::bigint) FROM fences WHERE last_value < $1::bigint", Date.now());
}

/** An error here is the storage's fault, so clients may try again. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new SluiceError("storage_unavailable", undefined, { cause });
  }
}

/** The rest of a line that names the setting. */
function problem(error: unknown): string {
  const cause = error instanceof SluiceError ? error.cause : error;
  if (cause instanceof Unusable) return cause.message;
  // Each of the addresses of a host failed.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return `the database cannot be opened: ${messageOf(first).split("\n")[0]}`;
}
