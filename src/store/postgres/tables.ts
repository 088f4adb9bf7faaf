/** The tables in Postgres as the parts that work on any engine see them. */
import { SluiceError } from "../../protocol/errors.ts";
import type { Claim } from "../store.ts";
import type { Row, Statement, Tables } from "../tables.ts";
import type { PostgresDatabase, Queries } from "./database.ts";

export class PostgresTables implements Tables {
  readonly #db: PostgresDatabase;
  readonly #claim: () => Claim | undefined;

  /**
   * `claim` returns the run that a write belongs to, or `undefined` if it belongs to no run. A run that another process
   * took over writes nothing more.
   */
  constructor(database: PostgresDatabase, claim: () => Claim | undefined = () => undefined) {
    this.#db = database;
    this.#claim = claim;
  }

  all(...[sql, ...values]: Statement): Promise<Row[]> {
    return this.#db.all(numbered(sql), ...values);
  }

  async write(...statements: readonly Statement[]): Promise<void> {
    const claim = this.#claim();
    await this.#db.transaction(async (queries) => {
      if (claim) await lock(queries, claim);
      for (const [sql, ...values] of statements) await queries.run(numbered(sql), ...values);
    });
  }

  erase(...statements: readonly Statement[]): Promise<void> {
    return this.write(...statements);
  }
}

/**
 * Keeps a run from being taken over until the transaction is over.
 * @throws SluiceError `owner_lost` when the run was taken over, or has released its thread.
 */
async function lock(queries: Queries, { threadId, runId, fence }: Claim): Promise<void> {
  const own = await queries.one(
    `SELECT 1 FROM runs WHERE thread_id = $1 AND run_id = $2 AND fence = $3
       AND status IN ('admitted', 'active', 'ending') FOR SHARE`,
    threadId,
    runId,
    fence,
  );
  if (!own) throw new SluiceError("owner_lost");
}

const known = new Map<string, string>();

/** The same statement with `$1`, `$2` in the place of each `?`. There are a few statements, used again and again. */
function numbered(sql: string): string {
  let count = 0;
  const statement = known.get(sql) ?? sql.replaceAll("?", () => `$${++count}`);
  known.set(sql, statement);
  return statement;
}
