/** The items that graphs keep across threads, in the database of the threads: an item is there when `put` resolves. */
import {
  BaseStore,
  type Item,
  type MatchCondition,
  type Operation,
  type OperationResults,
  type SearchItem,
} from "@langchain/langgraph-checkpoint";
import { isRecord } from "../protocol/input.ts";
import { type ItemStores, refuseQueries } from "./items.ts";
import type { Row, Statement, Tables } from "./tables.ts";

type Get = Extract<Operation, { key: string }> & { value?: never };
type Put = Extract<Operation, { value: unknown }>;
type Search = Extract<Operation, { namespacePrefix: unknown }>;
type List = Exclude<Operation, Get | Put | Search>;

export class TableItems implements ItemStores {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  of(scope: string): BaseStore {
    return new ScopedItems(this.#tables, scope);
  }
}

/** It behaves as LangGraph's InMemoryStore, except that values are returned as the JSON in which they are kept. */
class ScopedItems extends BaseStore {
  readonly #tables: Tables;
  readonly #scope: string;

  constructor(tables: Tables, scope: string) {
    super();
    this.#tables = tables;
    this.#scope = scope;
  }

  /**
   * Reads come first, in any order of the operations. Then all writes are made, or none. The last of two writes to one
   * key wins.
   */
  async batch<Op extends readonly Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    refuseQueries(operations);
    const results = await Promise.all(operations.map((operation) => (isPut(operation) ? null : this.#read(operation))));
    const puts = operations.filter(isPut).map((put) => this.#put(put));
    if (puts.length > 0) await this.#tables.write(...puts);
    return results as OperationResults<Op>;
  }

  #read(operation: Get | Search | List): Promise<unknown> {
    if ("namespacePrefix" in operation) return this.#search(operation);
    return "key" in operation ? this.#get(operation) : this.#list(operation);
  }

  async #get({ namespace, key }: Get): Promise<Item | null> {
    const [row] = await this.#tables.all(
      "SELECT * FROM items WHERE scope = ? AND namespace = ? AND key = ?",
      this.#scope,
      JSON.stringify(namespace),
      key,
    );
    return row ? toItem(row) : null;
  }

  #put({ namespace, key, value }: Put): Statement {
    const place = [this.#scope, JSON.stringify(namespace), key] as const;
    if (value === null) return ["DELETE FROM items WHERE scope = ? AND namespace = ? AND key = ?", ...place];
    const now = Date.now();
    return [
      `INSERT INTO items (scope, namespace, key, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (scope, namespace, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
      ...place,
      JSON.stringify(value),
      now,
      now,
    ];
  }

  async #search({ namespacePrefix, filter, limit = 10, offset = 0 }: Search): Promise<SearchItem[]> {
    const [first, beyond] = below(namespacePrefix);
    const itself = JSON.stringify(namespacePrefix);
    const found =
      "FROM items WHERE scope = ? AND (namespace = ? OR (namespace >= ? AND namespace < ?)) ORDER BY number";
    const place = [this.#scope, itself, first, beyond] as const;
    if (!filter) {
      return (await this.#tables.all(`SELECT * ${found} LIMIT ? OFFSET ?`, ...place, limit, offset)).map(toItem);
    }
    const items = (await this.#tables.all(`SELECT * ${found}`, ...place)).map(toItem);
    return items.filter(({ value }) => fits(value, filter)).slice(offset, offset + limit);
  }

  async #list({ matchConditions = [], maxDepth, limit, offset = 0 }: List): Promise<string[][]> {
    const rows = await this.#tables.all("SELECT DISTINCT namespace FROM items WHERE scope = ?", this.#scope);
    const matching = rows.map(namespaceOf).filter((path) => matchConditions.every((match) => matches(path, match)));
    // Several namespaces may be the same after they were cut to the depth.
    const cut = new Map(matching.map((path) => path.slice(0, maxDepth)).map((path) => [JSON.stringify(path), path]));
    const sorted = [...cut.values()].sort((a, b) => a.join(":").localeCompare(b.join(":")));
    return sorted.slice(offset, limit === undefined ? undefined : offset + limit);
  }
}

function isPut(operation: Operation): operation is Put {
  return "value" in operation;
}

/**
 * The bounds of the namespaces below a namespace, in the order of their JSON. The upper bound is exclusive: `-` comes
 * after `,`.
 */
function below(namespace: readonly string[]): [string, string] {
  if (namespace.length === 0) return ["[", "\\"];
  const open = JSON.stringify(namespace).slice(0, -1);
  return [`${open},`, `${open}-`];
}

function namespaceOf(row: Row): string[] {
  return JSON.parse(String(row.namespace)) as string[];
}

function toItem(row: Row): Item {
  return {
    value: JSON.parse(String(row.value)) as Item["value"],
    key: String(row.key),
    namespace: namespaceOf(row),
    createdAt: new Date(Number(row.created_at)),
    updatedAt: new Date(Number(row.updated_at)),
  };
}

function matches(namespace: readonly string[], { matchType, path }: MatchCondition): boolean {
  if (path.length > namespace.length) return false;
  const part = matchType === "prefix" ? namespace : namespace.slice(namespace.length - path.length);
  return path.every((label, index) => label === "*" || label === part[index]);
}

function fits(value: Item["value"], filter: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(filter).every(([key, wanted]) => compares(value[key], wanted));
}

const COMPARISONS: ReadonlyMap<string, (is: unknown, wanted: unknown) => boolean> = new Map([
  ["$eq", (is, wanted) => is === wanted],
  ["$ne", (is, wanted) => is !== wanted],
  ["$gt", (is, wanted) => Number(is) > Number(wanted)],
  ["$gte", (is, wanted) => Number(is) >= Number(wanted)],
  ["$lt", (is, wanted) => Number(is) < Number(wanted)],
  ["$lte", (is, wanted) => Number(is) <= Number(wanted)],
  ["$in", (is, wanted) => Array.isArray(wanted) && wanted.includes(is)],
  ["$nin", (is, wanted) => !Array.isArray(wanted) || !wanted.includes(is)],
]);

function compares(is: unknown, wanted: unknown): boolean {
  if (!isRecord(wanted) || !Object.keys(wanted).every((name) => COMPARISONS.has(name))) return is === wanted;
  return Object.entries(wanted).every(([name, operand]) => COMPARISONS.get(name)?.(is, operand));
}
