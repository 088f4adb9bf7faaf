/**
 * The values that graphs keep across threads: the items of LangGraph's `store`. Each scope has a store of its own. So a
 * graph that reads, searches or lists finds the items of its scope only.
 */
import { type BaseStore, InMemoryStore, type Operation, type OperationResults } from "@langchain/langgraph-checkpoint";

export interface ItemStores {
  /** The store that graphs of this scope are given. */
  of(scope: string): BaseStore;
}

/** The scope of the items that an agent's graph sees. */
export interface ItemOwner {
  readonly agent: string;
  /** `true`: the items of all agents that share, for every principal. */
  readonly shared: boolean;
  /** The principal that is signed in. Without it, an agent has one scope for everybody. */
  readonly principal?: string | undefined;
}

/** Returns the name of a scope. No scope's name is the beginning of another's. An agent's name has no `@`. */
export function scopeOf({ agent, shared, principal }: ItemOwner): string {
  if (shared) return "@shared";
  return principal === undefined ? agent : `${agent}@${principal}`;
}

/** @throws Error when one of `operations` searches by meaning: these stores have no vector index. */
export function refuseQueries(operations: readonly Operation[]): void {
  const asked = operations.some((operation) => "namespacePrefix" in operation && operation.query !== undefined);
  if (!asked) return;
  throw new Error(
    "This store has no vector index, so a search takes no query: leave it out and use a filter, or compile the graph with a store that has an index.",
  );
}

/** For a process that keeps nothing on disk. */
export class MemoryItems implements ItemStores {
  readonly #stores = new Map<string, BaseStore>();

  of(scope: string): BaseStore {
    const store = this.#stores.get(scope) ?? new PlainMemory();
    this.#stores.set(scope, store);
    return store;
  }
}

class PlainMemory extends InMemoryStore {
  override async batch<Op extends readonly Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    refuseQueries(operations);
    return super.batch(operations);
  }
}
