/**
 * What graphs keep across threads: LangGraph's `store`, whose entries are its items. Each scope has a store of its own, so
 * that whatever a graph reads, searches or lists, it finds its scope's items alone.
 */
import { type BaseStore, InMemoryStore, type Operation, type OperationResults } from "@langchain/langgraph-checkpoint";

export interface ItemStores {
  /** The store that graphs of this scope are given. */
  of(scope: string): BaseStore;
}

/** Whose items an agent's graph sees. */
export interface ItemOwner {
  readonly agent: string;
  /** `true`: those of all agents that share, whoever asks. */
  readonly shared: boolean;
  /** Who is signed in; without it an agent has one scope for everybody. */
  readonly principal?: string | undefined;
}

/** No scope is another one's beginning, and an agent's name holds no `@`. */
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
