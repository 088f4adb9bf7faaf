/** Tables of a database as the parts that work on any engine see them: SQL with `?` in the place of values. */

export type SqlValue = string | number | Uint8Array | null;

/** A row as a driver gives it: bytes come as an `ArrayBuffer`, or as a view of one. */
export type Row = Readonly<Record<string, string | number | ArrayBuffer | Uint8Array | null>>;

export type Statement = readonly [sql: string, ...values: SqlValue[]];

export interface Tables {
  all(...statement: Statement): Row[] | Promise<Row[]>;
  /** Does all of these, or none. */
  write(...statements: readonly Statement[]): void | Promise<void>;
  /** The same for deletions. Storage that they free is given back. */
  erase(...statements: readonly Statement[]): void | Promise<void>;
}
