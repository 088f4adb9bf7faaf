/** The database as the parts that work on any engine see it: SQL with `?` for values. */

export type SqlValue = string | number | Uint8Array | null;

/** A row as a driver returns it: bytes are an `ArrayBuffer`, or a view of one. */
export type Row = Readonly<Record<string, string | number | ArrayBuffer | Uint8Array | null>>;

export type Statement = readonly [sql: string, ...values: SqlValue[]];

export interface Tables {
  all(...statement: Statement): Row[] | Promise<Row[]>;
  /** Executes all of these statements, or none. */
  write(...statements: readonly Statement[]): void | Promise<void>;
  /** The same for deletions. The storage that they free is given back. */
  erase(...statements: readonly Statement[]): void | Promise<void>;
}
